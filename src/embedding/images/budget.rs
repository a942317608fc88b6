//! How much memory decoded photos may take together. This room refuses to let a photo be decoded before there is room for it, but for
//! one that is alone.

use std::sync::{Condvar, Mutex, PoisonError};

/// What all photos may take, whatever the number of threads: the largest that is decoded usually fits.
const TOGETHER: u64 = 256 << 20;
/// And with each thread, so that photos of some megapixels never wait.
const A_THREAD: u64 = 16 << 20;

/// Bytes of photos that may be decoded at a time.
#[derive(Debug)]
pub(super) struct Budget {
    total: u64,
    free: Mutex<u64>,
    freed: Condvar,
}

/// Room for a photo.
#[derive(Debug)]
pub(super) struct Room<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    /// The budget of this many threads.
    pub(super) fn of_threads(threads: usize) -> Budget {
        Budget::new(TOGETHER + A_THREAD * threads as u64)
    }

    fn new(total: u64) -> Budget {
        Budget { total, free: Mutex::new(total), freed: Condvar::new() }
    }

    /// Waits until there is room for a photo of `bytes`. Who has room must not wait for another thread of the pool.
    pub(super) fn room(&self, bytes: u64) -> Room<'_> {
        let bytes = bytes.min(self.total);
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self.freed.wait_while(free, |free| *free < bytes).unwrap_or_else(PoisonError::into_inner);
        *free -= bytes;
        Room { budget: self, bytes }
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        *self.budget.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn photos_never_take_more_together_than_they_may() {
        let (budget, taken) = (Budget::new(100), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (budget, taken) = (&budget, &taken);
                scope.spawn(move || {
                    for turn in 0..50 {
                        // Some ask for more than there is: they are alone.
                        let bytes = (thread * 37 + turn * 11) % 130;
                        let room = budget.room(bytes);
                        let before = taken.fetch_add(bytes.min(100), Ordering::SeqCst);
                        assert!(before + bytes.min(100) <= 100);
                        std::thread::yield_now();
                        taken.fetch_sub(bytes.min(100), Ordering::SeqCst);
                        drop(room);
                    }
                });
            }
        });
        assert_eq!(*budget.free.lock().unwrap(), 100);
    }
}
