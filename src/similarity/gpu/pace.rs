//! Which arithmetic a pass goes on with. How long a kernel takes is known before; how much it leaves to the host, which decides
//! what survives, shows only on the night's own vectors: int8 multiplies faster and leaves more. This file refuses wgpu.

use std::time::Duration;

use super::kernels::Arithmetic;

/// Pairs of tiles that tell how fast a pass is.
const TELLING_ITEMS: usize = 512;

/// A kernel that leaves less is tried where its own time is at most this part of what everything takes now.
const WORTH_A_TRY: u32 = 2;

/// An arithmetic that a device offers for the night's vectors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    pub arithmetic: Arithmetic,
    /// How long a pair of tiles takes of which nothing survives.
    pub item: Duration,
    /// Pairs of tiles to begin a strip with.
    pub strip: usize,
}

/// What was offered, what it took, and what is used.
#[derive(Debug)]
pub(super) struct Pace {
    offers: Vec<Offer>,
    /// How long a pair of tiles took, the host's part in it, where it was measured.
    taken: Vec<Option<Duration>>,
    current: usize,
}

impl Pace {
    /// Begins with the first of `offers`, which has the fastest kernel; there must be one.
    pub(super) fn new(offers: Vec<Offer>) -> Pace {
        assert!(!offers.is_empty(), "a device always offers f32");
        Pace { taken: vec![None; offers.len()], offers, current: 0 }
    }

    /// What is used now.
    pub(super) fn current(&self) -> Offer {
        self.offers[self.current]
    }

    /// Learns how long so many pairs of tiles took. Returns whether something else is to be used from now on: f32, when int8
    /// keeps the host so busy that it may be worth it, or what f32 then turned out to be worse than.
    pub(super) fn learn(&mut self, items: usize, elapsed: Duration) -> bool {
        if items < TELLING_ITEMS {
            return false;
        }
        let item = elapsed / u32::try_from(items).unwrap_or(u32::MAX);
        let now = *self.taken[self.current].get_or_insert(item);
        let promises = |at: usize| {
            let offer = &self.offers[at];
            offer.arithmetic == Arithmetic::F32 && offer.item * WORTH_A_TRY <= now
        };
        let better = |&at: &usize| self.taken[at].map_or_else(|| promises(at), |taken| taken < now);
        let next = (0..self.offers.len()).find(better);
        self.current = next.unwrap_or(self.current);
        next.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(arithmetic: Arithmetic, micros: u64) -> Offer {
        Offer { arithmetic, item: Duration::from_micros(micros), strip: 1 }
    }

    fn both() -> Pace {
        Pace::new(vec![offer(Arithmetic::Int8, 1), offer(Arithmetic::F32, 3)])
    }

    /// Learns that 1,000 pairs of tiles took so many microseconds each.
    fn learn(pace: &mut Pace, micros: u64) -> (bool, Arithmetic) {
        let other = pace.learn(1000, Duration::from_millis(micros));
        (other, pace.current().arithmetic)
    }

    #[test]
    fn int8_is_kept_while_the_device_is_what_takes_the_time() {
        let mut pace = both();
        assert_eq!(learn(&mut pace, 5), (false, Arithmetic::Int8));
        assert!(!pace.learn(TELLING_ITEMS - 1, Duration::from_secs(1)), "too few to tell");
        assert_eq!(learn(&mut pace, 100), (false, Arithmetic::Int8), "the first measurement counts");
    }

    #[test]
    fn f32_is_tried_where_the_host_is_busy_and_kept_where_it_is_faster() {
        let mut pace = both();
        assert_eq!(learn(&mut pace, 20), (true, Arithmetic::F32));
        assert_eq!(learn(&mut pace, 8), (false, Arithmetic::F32));
        assert_eq!(learn(&mut pace, 50), (false, Arithmetic::F32));
        let mut pace = both();
        assert_eq!(learn(&mut pace, 20), (true, Arithmetic::F32));
        assert_eq!(learn(&mut pace, 30), (true, Arithmetic::Int8));
        assert_eq!(learn(&mut pace, 90), (false, Arithmetic::Int8));
    }

    #[test]
    fn nothing_leaves_less_to_the_host_than_f32() {
        let mut pace = Pace::new(vec![offer(Arithmetic::F32, 1), offer(Arithmetic::Int8, 3)]);
        assert_eq!(learn(&mut pace, 1000), (false, Arithmetic::F32));
    }
}
