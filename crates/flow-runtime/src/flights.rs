//! Work in flight, by its key: who asks for the same joins it, and whoever holds it keeps it alive.
//!
//! The register itself keeps nothing alive: its entries are weak, and the work takes its entry away when it ends,
//! however it ends. So it never holds more entries than there are callers waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::key::CallKey;

/// The register. `F` is a weak handle on work.
pub(crate) struct Flights<F> {
    board: Mutex<Board<F>>,
}

struct Board<F> {
    flights: HashMap<CallKey, (u64, F)>,
    started: u64,
}

/// Held by the work itself; dropping it takes the work's entry away.
pub(crate) struct Landing<F> {
    flights: Arc<Flights<F>>,
    key: CallKey,
    number: u64,
}

impl<F> Flights<F> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { board: Mutex::new(Board { flights: HashMap::new(), started: 0 }) })
    }

    /// What `join` makes of the flight under this key, if there is one, else what `start` makes of a new one.
    ///
    /// Both run under the lock, so that of many callers one starts: they must not call foreign code.
    pub(crate) fn board<T>(
        self: &Arc<Self>,
        key: CallKey,
        join: impl FnOnce(Option<&F>) -> Option<T>,
        start: impl FnOnce(Landing<F>) -> (F, T),
    ) -> T {
        let mut board = self.lock();
        if let Some(joined) = join(board.flights.get(&key).map(|(_, flight)| flight)) {
            return joined;
        }
        board.started += 1;
        let number = board.started;
        let (flight, started) = start(Landing { flights: self.clone(), key, number });
        // A dead flight may still be listed: its landing, on its way to this lock, will find another number.
        board.flights.insert(key, (number, flight));
        started
    }

    /// How many are listed.
    pub(crate) fn len(&self) -> usize {
        self.lock().flights.len()
    }

    fn lock(&self) -> MutexGuard<'_, Board<F>> {
        // Nothing under the lock leaves the board half changed.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> Drop for Landing<F> {
    fn drop(&mut self) {
        let mut board = self.flights.lock();
        if board.flights.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            board.flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn a_dead_flight_does_not_take_its_successor_along() {
        let key = CallKey::new("flow", "model", "", &()).unwrap();
        let flights = Flights::<bool>::new();
        // A flight that is still listed but dead already is what a caller meets between the two.
        let take_off = |alive| {
            flights.board(key, |listed| (listed == Some(&true)).then_some(None), |it| (alive, Some(it)))
        };
        let dead = take_off(false).unwrap();
        let successor = take_off(true).unwrap();
        drop(dead);
        assert!(take_off(true).is_none(), "the successor is listed");
        drop(successor);
        assert_eq!(flights.len(), 0);
    }
}
