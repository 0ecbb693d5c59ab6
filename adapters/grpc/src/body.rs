//! The access log of a call, written at its end: gRPC says last how a call ended.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use flow_edge::edge::Call;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tonic::{Code, Status};

/// A body that writes the access log when its status goes out. Dropped before, the client has left.
pub(crate) struct LoggedBody {
    body: tonic::body::Body,
    call: Option<Call>,
}

impl LoggedBody {
    pub(crate) fn new(body: tonic::body::Body, call: Call) -> Self {
        Self { body, call: Some(call) }
    }

    fn close(&mut self, code: Code) {
        if let Some(call) = self.call.take() {
            call.close_rpc(code.into());
        }
    }
}

impl Body for LoggedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.close(code(trailers));
                }
            }
            Some(Err(status)) => self.close(status.code()),
            None => self.close(Code::Ok),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn code(trailers: &HeaderMap) -> Code {
    trailers.get("grpc-status").map_or(Code::Ok, |it| Code::from_bytes(it.as_bytes()))
}
