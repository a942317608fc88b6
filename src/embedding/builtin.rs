//! The built-in encoder: EfficientNet-Lite on a centered square of the photo, less what all photos have in common. This room refuses
//! files: it knows photos and features.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::network::{FEATURES, Network, Scratch, Variant};
use super::{Encoder, make_unit};
use crate::error::Result;
use crate::photos::{self, Photo};

/// The centered square that a network sees, as a share of the photo's short side.
pub const CROP: f64 = 0.875;
/// To be raised when decoding, framing, the networks or the means change what an image becomes.
const PREPROCESSING: u32 = 4;

/// How much an image's vector may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// One network: 1,280 numbers.
    #[default]
    Standard,
    /// Two networks side by side: 2,560 numbers, at three times the time for an image and twice for a pair of products.
    High,
}

impl Quality {
    fn variants(self) -> &'static [Variant] {
        match self {
            Quality::Standard => &[Variant::Lite0],
            Quality::High => &[Variant::Lite0, Variant::Lite2],
        }
    }
}

/// The networks in the binary.
#[derive(Debug)]
pub struct Builtin {
    parts: Vec<Part>,
    /// Buffers that no thread uses just now.
    scratches: Mutex<Vec<Scratch>>,
}

/// A network and the mean of its features, which was fitted once (`models/README.md`).
#[derive(Debug)]
struct Part {
    variant: Variant,
    network: Network,
    mean: Vec<f32>,
}

impl Builtin {
    /// Unpacks the networks that `quality` asks for.
    #[must_use]
    pub fn new(quality: Quality) -> Builtin {
        let part = |&variant| Part { variant, network: Network::built_in(variant), mean: mean(variant) };
        Builtin { parts: quality.variants().iter().map(part).collect(), scratches: Mutex::default() }
    }

    fn features(&self, pictures: &[u8]) -> Vec<f32> {
        let scratches = || self.scratches.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = scratches().pop().unwrap_or_default();
        let mut rest = pictures;
        let mut features = Vec::with_capacity(self.dimension());
        for part in &self.parts {
            let (picture, later) = rest.split_at(part.network.side() * part.network.side() * 3);
            rest = later;
            let raw = part.network.features(picture, &mut scratch);
            let centered: Vec<f32> = raw.iter().zip(&part.mean).map(|(value, mean)| value - mean).collect();
            // Side by side, each network has the same say.
            features.extend(make_unit(&centered).unwrap_or(centered));
        }
        scratches().push(scratch);
        features
    }
}

/// What the features of a variant are on average.
fn mean(variant: Variant) -> Vec<f32> {
    let bytes = mean_bytes(variant);
    let mean: Vec<f32> = bytes.as_chunks().0.iter().map(|&value| f32::from_le_bytes(value)).collect();
    assert_eq!(mean.len(), FEATURES, "the means in the program have the dimension of the features");
    mean
}

fn mean_bytes(variant: Variant) -> &'static [u8] {
    match variant {
        Variant::Lite0 => include_bytes!("../../models/efficientnet-lite0.mean"),
        Variant::Lite2 => include_bytes!("../../models/efficientnet-lite2.mean"),
    }
}

impl Encoder for Builtin {
    fn fingerprint(&self) -> String {
        let part = |part: &Part| {
            let mean = blake3::hash(mean_bytes(part.variant)).to_hex();
            format!("{}/{}", part.variant.fingerprint(), &mean[..16])
        };
        let parts: Vec<String> = self.parts.iter().map(part).collect();
        format!("{PREPROCESSING}/{}", parts.join("+"))
    }

    fn dimension(&self) -> usize {
        FEATURES * self.parts.len()
    }

    fn square(&self) -> (f64, u32) {
        let sides = self.parts.iter().map(|part| part.variant.side());
        (CROP, sides.max().expect("a quality has a network"))
    }

    fn frame(&self, photo: &Photo) -> Vec<u8> {
        self.parts.iter().flat_map(|part| photos::crop_and_resize(photo, CROP, part.variant.side())).collect()
    }

    fn encode(&self, pictures: Vec<Vec<u8>>, done: &(dyn Fn() + Sync)) -> Result<Vec<Vec<f32>>> {
        Ok(pictures.into_par_iter().map(|picture| self.features(&picture)).inspect(|_| done()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(seed: u32) -> Photo {
        let pixels = (0..90 * 120 * 3_u32).map(|i| (i.wrapping_mul(seed) >> 5) as u8).collect();
        photos::RgbPhoto::new(90, 120, pixels).unwrap().into()
    }

    #[test]
    fn high_quality_is_standard_beside_another_network() {
        let one = |quality| {
            let builtin = Builtin::new(quality);
            let framed = vec![builtin.frame(&photo(3)), builtin.frame(&photo(7))];
            let features = builtin.encode(framed, &|| ()).unwrap();
            assert!(features.iter().all(|row| row.len() == builtin.dimension()));
            assert_ne!(features[0], features[1]);
            features[0].clone()
        };
        let (standard, high) = (one(Quality::Standard), one(Quality::High));
        assert_eq!(standard, high[..FEATURES]);
        let length = |row: &[f32]| row.iter().map(|value| value * value).sum::<f32>();
        assert!((length(&high[FEATURES..]) - 1.0).abs() < 1e-5, "each network has the same say");
    }

    #[test]
    fn each_quality_has_a_fingerprint_of_its_own() {
        let of = |quality| Builtin::new(quality).fingerprint();
        assert_ne!(of(Quality::Standard), of(Quality::High));
    }
}
