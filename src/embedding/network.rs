//! EfficientNet-Lite without its classifier, in plain f32: the reference that any faster version must agree with.
//! This room refuses threads and files: one picture in, one row of features out, the same whoever calls it.
//!
//! Activations are rows of pixels with their channels together, so that a pointwise convolution is one matrix product and a
//! depthwise one runs along the channels. `models/README.md` describes the weights.

mod layers;
mod weights;

use layers::{Activation, depthwise, dimensions_after, mean_of_positions, pointwise, stem};
use weights::{Layer, WeightFile};

/// How many numbers describe a picture, whatever the network.
pub const FEATURES: usize = 1280;

const STEM_CHANNELS: usize = 32;

/// Which of the networks in the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The smaller one.
    Lite0,
    /// The larger one: wider, deeper, on larger pictures; about twice the time.
    Lite2,
}

/// What makes a variant.
struct Architecture {
    side: usize,
    weights: &'static [u8],
    /// Channels and blocks of each stage.
    stages: [(usize, usize); 7],
}

/// What the stages of all variants share: blocks that expand by so much, filter with such a kernel, of which only the first strides.
const STAGES: [(usize, usize, usize); 7] =
    [(1, 3, 1), (6, 3, 2), (6, 5, 2), (6, 3, 2), (6, 5, 1), (6, 5, 2), (6, 3, 1)];

impl Variant {
    fn architecture(self) -> Architecture {
        match self {
            Variant::Lite0 => Architecture {
                side: 224,
                weights: include_bytes!("../../models/efficientnet-lite0.safetensors"),
                stages: [(16, 1), (24, 2), (40, 2), (80, 3), (112, 3), (192, 4), (320, 1)],
            },
            Variant::Lite2 => Architecture {
                side: 260,
                weights: include_bytes!("../../models/efficientnet-lite2.safetensors"),
                stages: [(16, 1), (24, 3), (48, 3), (88, 4), (120, 4), (208, 5), (352, 1)],
            },
        }
    }

    /// Pixels a side of the picture that the network looks at.
    #[must_use]
    pub fn side(self) -> u32 {
        u32::try_from(self.architecture().side).expect("a few hundred pixels")
    }

    /// Its name with a BLAKE3 hash of its weights.
    #[must_use]
    pub fn fingerprint(self) -> String {
        let name = match self {
            Variant::Lite0 => "efficientnet-lite0",
            Variant::Lite2 => "efficientnet-lite2",
        };
        let hash = blake3::hash(self.architecture().weights).to_hex();
        format!("{name}/{}", &hash[..32])
    }
}

/// The network with its weights, ready to run.
#[derive(Debug)]
pub struct Network {
    side: usize,
    stem: Layer,
    blocks: Vec<Block>,
    head: Layer,
}

/// An inverted residual block: widen, filter each channel by itself, narrow, and add the input where the shape is kept.
#[derive(Debug)]
struct Block {
    expand: Option<Layer>,
    depthwise: Layer,
    project: Layer,
    kernel: usize,
    stride: usize,
}

/// The buffers of one forward pass, kept from picture to picture; one for each thread.
#[derive(Debug, Default)]
pub struct Scratch {
    carried: Vec<f32>,
    expanded: Vec<f32>,
    filtered: Vec<f32>,
    projected: Vec<f32>,
}

impl Network {
    /// The network with the weights that are compiled into the program.
    ///
    /// # Panics
    /// Never, unless the program was built with another weight file than the one that its tests saw.
    #[must_use]
    pub fn built_in(variant: Variant) -> Network {
        Network::new(&variant.architecture()).expect("the weights in the program have the layout of the network")
    }

    fn new(architecture: &Architecture) -> anyhow::Result<Network> {
        let file = WeightFile::open(architecture.weights)?;
        let stem = file.layer("stem", &[3, 3, 3, STEM_CHANNELS])?;
        let mut blocks = Vec::new();
        let mut channels = STEM_CHANNELS;
        for ((expansion, kernel, stride), (narrow, count)) in STAGES.into_iter().zip(architecture.stages) {
            for position in 0..count {
                let name = format!("block{:02}", blocks.len());
                let wide = channels * expansion;
                let expand =
                    if expansion == 1 { None } else { Some(file.layer(&format!("{name}.expand"), &[channels, wide])?) };
                blocks.push(Block {
                    expand,
                    depthwise: file.layer(&format!("{name}.depthwise"), &[kernel, kernel, wide])?,
                    project: file.layer(&format!("{name}.project"), &[wide, narrow])?,
                    kernel,
                    stride: if position == 0 { stride } else { 1 },
                });
                channels = narrow;
            }
        }
        let head = file.layer("head", &[channels, FEATURES])?;
        Ok(Network { side: architecture.side, stem, blocks, head })
    }

    /// Pixels a side of the picture that it looks at.
    #[must_use]
    pub fn side(&self) -> usize {
        self.side
    }

    /// The pooled features, [`FEATURES`] numbers, of a square picture of [`Network::side`] pixels a side: rows from the top,
    /// red, green, blue.
    ///
    /// # Panics
    /// When `picture` has another length.
    #[must_use]
    pub fn features(&self, picture: &[u8], scratch: &mut Scratch) -> Vec<f32> {
        assert_eq!(picture.len(), self.side * self.side * 3, "the caller resizes");
        let Scratch { carried, expanded, filtered, projected } = scratch;
        let mut side = stem(picture, self.side, &self.stem, carried);
        for block in &self.blocks {
            side = block.run(side, carried, expanded, filtered, projected);
            std::mem::swap(carried, projected);
        }
        pointwise(carried, &self.head, Activation::Relu6, expanded);
        mean_of_positions(expanded, FEATURES)
    }
}

impl Block {
    /// Reads `input`, a square of `side` pixels a side, writes `output` and returns the output's side.
    fn run(
        &self,
        side: usize,
        input: &[f32],
        expanded: &mut Vec<f32>,
        filtered: &mut Vec<f32>,
        output: &mut Vec<f32>,
    ) -> usize {
        let wide = match &self.expand {
            Some(expand) => {
                pointwise(input, expand, Activation::Relu6, expanded);
                expanded.as_slice()
            }
            None => input,
        };
        depthwise(wide, side, &self.depthwise, self.kernel, self.stride, filtered);
        pointwise(filtered, &self.project, Activation::Linear, output);
        if input.len() == output.len() {
            for (sum, &carried) in output.iter_mut().zip(input) {
                *sum += carried;
            }
        }
        dimensions_after(side, self.stride)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_match_the_weights() {
        assert_eq!(Network::built_in(Variant::Lite0).blocks.len(), 16);
        assert_eq!(Network::built_in(Variant::Lite2).blocks.len(), 21);
        let Architecture { weights, .. } = Variant::Lite0.architecture();
        let with = |weights| Architecture { weights, ..Variant::Lite0.architecture() };
        assert!(Network::new(&with(&weights[..weights.len() - 2])).is_err());
        assert!(Network::new(&with(b"")).is_err());
        assert!(Network::new(&with(Variant::Lite2.architecture().weights)).is_err());
    }

    #[test]
    fn used_buffers_do_not_change_the_features() {
        for variant in [Variant::Lite0, Variant::Lite2] {
            let network = Network::built_in(variant);
            let bytes = network.side() * network.side() * 3;
            let picture = |seed: usize| (0..bytes).map(|i| ((i * seed) >> 3) as u8).collect::<Vec<u8>>();
            let fresh = network.features(&picture(13), &mut Scratch::default());
            assert_eq!(fresh.len(), FEATURES);
            assert!(fresh.iter().all(|v| (0.0..=6.0).contains(v)) && fresh.iter().any(|&v| v > 0.0));

            let mut used = Scratch::default();
            let other = network.features(&picture(29), &mut used);
            assert_ne!(fresh, other);
            assert_eq!(fresh, network.features(&picture(13), &mut used));
        }
    }
}
