//! The demo's own dice: the same throws on every machine. This room refuses the clock and the system's randomness.

/// `SplitMix64` (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
pub struct Chance {
    state: u64,
}

impl Chance {
    /// Dice of their own for a name, so that adding a product leaves the others as they were.
    pub fn named(name: &str) -> Chance {
        let state = name.bytes().fold(0x5EED_0F7A_15E7_2026, |state: u64, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        Chance { state }
    }

    /// True in `share` of a hundred throws.
    pub fn percent(&mut self, share: u64) -> bool {
        self.next() % 100 < share
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
