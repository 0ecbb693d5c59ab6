//! A streamed answer, read as it comes: within its bounds, and never silent for longer than the idle limit.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use flow_runtime::ModelError;
use flow_runtime::model::ModelChunk;
use futures_util::Stream;
use http_body::{Body as _, Frame};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::coop;
use tokio::time::{Instant, Sleep, sleep};

use crate::answer::Answer;
use crate::failure::from_reqwest;
use crate::sse::EventReader;

/// The longest stream, in bytes as they come after decompression. It repeats the frame around each piece.
const MAX_STREAM: usize = 64 * 1024 * 1024;

/// Reads the events of one stream.
pub(crate) trait Events: Default + Send + Unpin + 'static {
    /// Adds the data of one event to the answer. True if it was the last.
    fn event(&mut self, data: &[u8], answer: &mut Answer) -> Result<bool, ModelError>;

    /// The stream has ended: what was still open is closed. Fails if it was cut off.
    fn end(&mut self, answer: &mut Answer) -> Result<(), ModelError>;
}

/// A body that is read for its events.
pub(crate) struct Reading<E> {
    body: reqwest::Body,
    reader: EventReader,
    events: E,
    answer: Answer,
    model: Arc<str>,
    read: usize,
    over: bool,
    ended: bool,
    _slot: OwnedSemaphorePermit,
}

impl<E: Events> Reading<E> {
    pub(crate) fn new(
        body: reqwest::Body,
        answer: Answer,
        model: Arc<str>,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            body,
            reader: EventReader::default(),
            events: E::default(),
            answer,
            model,
            read: 0,
            over: false,
            ended: false,
            _slot: slot,
        }
    }

    /// The first piece of the answer.
    pub(crate) async fn first(&mut self) -> Result<ModelChunk, ModelError> {
        loop {
            if let Some(first) = poll_fn(|cx| self.poll(cx)).await? {
                return Ok(first);
            }
        }
    }

    /// The next piece; `None` for progress without text.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<ModelChunk>, ModelError>> {
        while !self.over {
            if let Some(chunk) = self.answer.take_chunk() {
                return Poll::Ready(Ok(Some(chunk)));
            }
            // A server that always has something to say would never let others have their turn.
            let turn = ready!(coop::poll_proceed(cx));
            let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
            turn.made_progress();
            match frame.transpose().map_err(|error| from_reqwest(&error))?.map(Frame::into_data) {
                Some(Ok(bytes)) => self.feed(&bytes)?,
                // Trailers say nothing here.
                Some(Err(_)) => {}
                None => {
                    self.reader.end(|data| take(data, &mut self.events, &mut self.answer, &mut self.over))?;
                    self.over = true;
                }
            }
            if !self.over && self.answer.take_progress() {
                return Poll::Ready(Ok(self.answer.take_chunk()));
            }
        }
        Poll::Ready(self.end().map(Some))
    }

    /// Reads the events that these bytes end.
    fn feed(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        self.read += bytes.len();
        if self.read > MAX_STREAM {
            return Err(ModelError::unusable("too long"));
        }
        self.reader.feed(bytes, |data| take(data, &mut self.events, &mut self.answer, &mut self.over))
    }

    /// What was held back of the text, then the whole.
    fn end(&mut self) -> Result<ModelChunk, ModelError> {
        if !self.ended {
            self.ended = true;
            self.events.end(&mut self.answer)?;
            self.answer.end_text()?;
        }
        match self.answer.take_chunk() {
            Some(chunk) => Ok(chunk),
            None => std::mem::take(&mut self.answer).finish(&self.model).map(ModelChunk::Done),
        }
    }
}

/// Adds one event to the answer. What comes after the last one does not count.
fn take<E: Events>(
    data: &[u8],
    events: &mut E,
    answer: &mut Answer,
    over: &mut bool,
) -> Result<(), ModelError> {
    if !*over {
        *over = events.event(data, answer)?;
    }
    Ok(())
}

/// The pieces of an answer. Between two of them, no more than the idle limit may pass.
pub(crate) struct Pieces<E> {
    first: Option<ModelChunk>,
    /// `None` after the end: dropping the body returns the connection and frees the slot at once.
    reading: Option<Reading<E>>,
    idle: Duration,
    /// When waiting for the next piece has to end. `None` while nobody waits: a slow reader is not the model's silence.
    due: Option<Instant>,
    /// It may be set to an earlier moment than `due`: it is not set anew with each piece.
    timer: Pin<Box<Sleep>>,
}

impl<E: Events> Pieces<E> {
    pub(crate) fn new(first: ModelChunk, reading: Reading<E>, idle: Duration) -> Self {
        Self { first: Some(first), reading: Some(reading), idle, due: None, timer: Box::pin(sleep(idle)) }
    }

    /// Whether the model has been silent for too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<ModelError> {
        let idle = self.idle;
        let due = *self.due.get_or_insert_with(|| Instant::now() + idle);
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if Instant::now() >= due {
                return Poll::Ready(ModelError::Timeout);
            }
            self.timer.as_mut().reset(due);
        }
    }
}

impl<E: Events> Stream for Pieces<E> {
    type Item = Result<ModelChunk, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let mut piece = this.first.take();
        while piece.is_none() {
            let Some(reading) = &mut this.reading else { return Poll::Ready(None) };
            let outcome = match reading.poll(cx) {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => Err(ready!(this.poll_silence(cx))),
            };
            match outcome {
                Ok(next) => piece = next,
                Err(error) => {
                    this.reading = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
            this.due = None;
        }
        if let Some(ModelChunk::Done(_)) = piece {
            this.reading = None;
        }
        Poll::Ready(piece.map(Ok))
    }
}
