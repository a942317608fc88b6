//! The built-in encoder: EfficientNet-Lite0 on a centered square of the photo. This room refuses files: it knows photos and features.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::Encoder;
use super::network::{FEATURES, Network, SIDE, Scratch};
use crate::error::Result;
use crate::photos::{self, RgbPhoto};

/// The centered square that the network sees, as a share of the photo's short side.
const CROP: f64 = 0.875;
/// To be raised when decoding, framing or the network change what an image becomes.
const PREPROCESSING: u32 = 1;

/// The network in the binary.
#[derive(Debug)]
pub struct Builtin {
    network: Network,
    /// Buffers that no thread uses just now.
    scratches: Mutex<Vec<Scratch>>,
}

impl Builtin {
    /// Unpacks the network.
    #[must_use]
    pub fn new() -> Builtin {
        Builtin { network: Network::built_in(), scratches: Mutex::default() }
    }

    fn features(&self, picture: &[u8]) -> Vec<f32> {
        let scratches = || self.scratches.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = scratches().pop().unwrap_or_default();
        let features = self.network.features(picture, &mut scratch);
        scratches().push(scratch);
        features
    }
}

impl Default for Builtin {
    fn default() -> Builtin {
        Builtin::new()
    }
}

impl Encoder for Builtin {
    fn fingerprint(&self) -> String {
        let weights = Network::weights_hash().to_hex();
        format!("efficientnet-lite0/{PREPROCESSING}/{}", &weights[..32])
    }

    fn dimension(&self) -> usize {
        FEATURES
    }

    fn frame(&self, photo: &RgbPhoto) -> Vec<u8> {
        photos::crop_and_resize(photo, CROP, u32::try_from(SIDE).expect("a side of a few hundred pixels"))
    }

    fn encode(&self, pictures: Vec<Vec<u8>>, done: &(dyn Fn() + Sync)) -> Result<Vec<Vec<f32>>> {
        Ok(pictures.into_par_iter().map(|picture| self.features(&picture)).inspect(|_| done()).collect())
    }
}
