//! A future that several callers await together. Whichever of them is polled drives it; the last to leave drops it.
//!
//! [`Shared`] does most of this. When its future wakes while one caller polls it, the other callers find it busy and
//! stay asleep. If the polling caller is then dropped, nobody polls again (rust-lang/futures-rs#2706). So a caller
//! that leaves early wakes the others here.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::sync::Notify;

/// One caller's handle. The future makes no progress until a handle is awaited.
pub(crate) struct SharedFuture<T> {
    future: Shared<BoxFuture<'static, T>>,
    left: Arc<Notify>,
}

/// A handle that does not keep the future alive.
pub(crate) struct WeakSharedFuture<T> {
    future: WeakShared<BoxFuture<'static, T>>,
    left: Arc<Notify>,
}

impl<T: Clone> SharedFuture<T> {
    pub(crate) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self { future: future.boxed().shared(), left: Arc::default() }
    }

    /// `None` once the future has completed.
    pub(crate) fn downgrade(&self) -> Option<WeakSharedFuture<T>> {
        Some(WeakSharedFuture { future: self.future.downgrade()?, left: self.left.clone() })
    }

    /// Awaits the output.
    pub(crate) async fn output(mut self) -> T {
        let mut wake_others = WakeOthers { left: self.left.clone(), early: true };
        loop {
            let mut left = pin!(self.left.notified());
            // Listening begins before polling, so that no notification is lost in between.
            left.as_mut().enable();
            tokio::select! {
                biased;
                output = &mut self.future => {
                    wake_others.early = false;
                    return output;
                }
                () = left => {}
            }
        }
    }
}

impl<T> WeakSharedFuture<T> {
    pub(crate) fn upgrade(&self) -> Option<SharedFuture<T>> {
        Some(SharedFuture { future: self.future.upgrade()?, left: self.left.clone() })
    }
}

/// Wakes the other callers if this one is dropped early.
struct WakeOthers {
    left: Arc<Notify>,
    early: bool,
}

impl Drop for WakeOthers {
    fn drop(&mut self) {
        if self.early {
            self.left.notify_waiters();
        }
    }
}

impl<T> Clone for SharedFuture<T> {
    fn clone(&self) -> Self {
        Self { future: self.future.clone(), left: self.left.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::{Mutex, mpsc};
    use std::task::{Context, Poll, Wake, Waker};
    use std::thread;

    use super::*;

    /// Counts how often its task is woken.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_caller_that_is_dropped_in_mid_poll_wakes_the_others() {
        let is_ready = Arc::new(AtomicBool::new(false));
        let inner: Arc<Mutex<Option<Waker>>> = Arc::default();
        let (in_poll, polling) = mpsc::channel();
        let (go_on, told) = mpsc::channel::<()>();
        let mut first = Some((in_poll, told));
        let work = {
            let (is_ready, inner) = (is_ready.clone(), inner.clone());
            poll_fn(move |cx| {
                // Whatever happens after this line must wake the task.
                let ready = is_ready.load(Ordering::SeqCst);
                *inner.lock().unwrap() = Some(cx.waker().clone());
                if let Some((in_poll, told)) = first.take() {
                    in_poll.send(()).unwrap();
                    told.recv().unwrap();
                }
                if ready { Poll::Ready(7) } else { Poll::Pending }
            })
        };
        let work = SharedFuture::new(work);
        let mut one = Box::pin(work.clone().output());
        let mut other = Box::pin(work.output());
        let one = thread::spawn(move || {
            assert!(one.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            one
        });
        polling.recv().unwrap();
        is_ready.store(true, Ordering::SeqCst);
        inner.lock().unwrap().take().unwrap().wake();
        let woken = Arc::new(Count::default());
        let waker = Waker::from(woken.clone());
        assert!(other.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        go_on.send(()).unwrap();
        drop(one.join().unwrap());
        assert!(woken.0.load(Ordering::SeqCst) > 0, "the other sleeps for ever");
        assert_eq!(other.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Ready(7));
    }
}
