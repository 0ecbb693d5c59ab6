//! A register of work in flight: callers with the same key join it.
//!
//! The register holds weak handles, so that callers keep the work alive and nobody else does. The work owns its
//! [`Entry`], which removes the handle when the work ends or is dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::key::CallKey;

/// The register. `W` is a weak handle to work.
pub(crate) struct InFlight<W> {
    entries: Mutex<Entries<W>>,
}

struct Entries<W> {
    by_key: HashMap<CallKey, (u64, W)>,
    /// Numbers the entries, since a key may be used again.
    generation: u64,
}

/// The work's place in the register; dropping it removes the handle.
pub(crate) struct Entry<W> {
    register: Arc<InFlight<W>>,
    key: CallKey,
    generation: u64,
}

impl<W> InFlight<W> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { entries: Mutex::new(Entries { by_key: HashMap::new(), generation: 0 }) })
    }

    /// Returns what `join` makes of the work under this key, or else what `start` makes of new work.
    ///
    /// Both run under the lock, so that only one of many callers starts; they must not call foreign code.
    pub(crate) fn join_or_start<T>(
        self: &Arc<Self>,
        key: CallKey,
        join: impl FnOnce(Option<&W>) -> Option<T>,
        start: impl FnOnce(Entry<W>) -> (W, T),
    ) -> T {
        let mut entries = self.lock();
        if let Some(joined) = join(entries.by_key.get(&key).map(|(_, work)| work)) {
            return joined;
        }
        entries.generation += 1;
        let generation = entries.generation;
        let (work, started) = start(Entry { register: self.clone(), key, generation });
        // The entry may be stale; its guard compares generations.
        entries.by_key.insert(key, (generation, work));
        started
    }

    /// How many handles are registered.
    pub(crate) fn len(&self) -> usize {
        self.lock().by_key.len()
    }

    fn lock(&self) -> MutexGuard<'_, Entries<W>> {
        // Nothing panics under the lock, so a poisoned one holds consistent entries.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W> Drop for Entry<W> {
    fn drop(&mut self) {
        let mut entries = self.register.lock();
        if entries.by_key.get(&self.key).is_some_and(|(generation, _)| *generation == self.generation) {
            entries.by_key.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::CallScope;

    #[test]
    fn a_stale_entry_does_not_remove_its_successor() {
        let key = CallScope::new("model", &()).unwrap().key("flow", "", &()).unwrap();
        let register = InFlight::<bool>::new();
        // A caller meets a stale entry between the end of the work and the drop of its guard.
        let start = |alive| {
            register.join_or_start(key, |work| (work == Some(&true)).then_some(None), |it| (alive, Some(it)))
        };
        let stale = start(false).unwrap();
        let successor = start(true).unwrap();
        drop(stale);
        assert!(start(true).is_none(), "the successor is registered");
        drop(successor);
        assert_eq!(register.len(), 0);
    }
}
