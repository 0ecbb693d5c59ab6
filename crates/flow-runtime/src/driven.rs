//! Work that several callers drive together: whoever of them is polled drives it, and the last to leave drops it.
//!
//! [`Shared`] does most of it. It wakes all who wait when its future wakes; but one of them may be in the middle of
//! polling then, and the others, who come to look, are sent away because of that. Should that one leave before it
//! polls again, nobody would ever look (rust-lang/futures-rs#2706). So whoever leaves early here wakes the others.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::sync::Notify;

/// A share in the work. It does nothing until it is waited for.
pub(crate) struct Driven<T> {
    work: Shared<BoxFuture<'static, T>>,
    left: Arc<Notify>,
}

/// What becomes a share while somebody has one.
pub(crate) struct WeakDriven<T> {
    work: WeakShared<BoxFuture<'static, T>>,
    left: Arc<Notify>,
}

impl<T: Clone> Driven<T> {
    pub(crate) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self { work: work.boxed().shared(), left: Arc::default() }
    }

    /// Nothing, once the work has ended.
    pub(crate) fn downgrade(&self) -> Option<WeakDriven<T>> {
        Some(WeakDriven { work: self.work.downgrade()?, left: self.left.clone() })
    }

    /// What the work comes to.
    pub(crate) async fn outcome(mut self) -> T {
        let mut leaving = Leaving { left: self.left.clone(), early: true };
        loop {
            let mut left = pin!(self.left.notified());
            // Listening begins before the look, so that nothing is missed in between.
            left.as_mut().enable();
            tokio::select! {
                biased;
                outcome = &mut self.work => {
                    leaving.early = false;
                    return outcome;
                }
                () = left => {}
            }
        }
    }
}

impl<T> WeakDriven<T> {
    pub(crate) fn upgrade(&self) -> Option<Driven<T>> {
        Some(Driven { work: self.work.upgrade()?, left: self.left.clone() })
    }
}

/// Somebody who waits. Dropped early, it may be the one on whom all others rely.
struct Leaving {
    left: Arc<Notify>,
    early: bool,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if self.early {
            self.left.notify_waiters();
        }
    }
}

impl<T> Clone for Driven<T> {
    fn clone(&self) -> Self {
        Self { work: self.work.clone(), left: self.left.clone() }
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
    fn one_who_leaves_after_being_woken_in_mid_poll_leaves_nobody_asleep() {
        let is_ready = Arc::new(AtomicBool::new(false));
        let inner: Arc<Mutex<Option<Waker>>> = Arc::default();
        let (in_poll, polling) = mpsc::channel();
        let (go_on, told) = mpsc::channel::<()>();
        let mut first = Some((in_poll, told));
        let work = {
            let (is_ready, inner) = (is_ready.clone(), inner.clone());
            poll_fn(move |cx| {
                // It has looked; what happens from here on must wake it.
                let ready = is_ready.load(Ordering::SeqCst);
                *inner.lock().unwrap() = Some(cx.waker().clone());
                if let Some((in_poll, told)) = first.take() {
                    in_poll.send(()).unwrap();
                    told.recv().unwrap();
                }
                if ready { Poll::Ready(7) } else { Poll::Pending }
            })
        };
        let work = Driven::new(work);
        let mut one = Box::pin(work.clone().outcome());
        let mut other = Box::pin(work.outcome());
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
