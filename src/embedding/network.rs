//! EfficientNet-Lite0 without its classifier, in plain f32: the reference that any faster version must agree with.
//! This room refuses threads and files: one picture in, one row of features out, the same whoever calls it.
//!
//! Activations are rows of pixels with their channels together, so that a pointwise convolution is one matrix product and a
//! depthwise one runs along the channels. `models/README.md` describes the weights.

mod layers;
mod weights;

use layers::{Activation, depthwise, dimensions_after, mean_of_positions, pointwise, stem};
use weights::{Layer, WeightFile};

/// Pixels a side of the picture that the network looks at.
pub const SIDE: usize = 224;
/// How many numbers describe a picture.
pub const FEATURES: usize = 1280;

const WEIGHTS: &[u8] = include_bytes!("../../models/efficientnet-lite0.safetensors");
const STEM_CHANNELS: usize = 32;

/// Blocks that share their shape; only the first one strides.
struct Stage {
    expansion: usize,
    kernel: usize,
    stride: usize,
    channels: usize,
    blocks: usize,
}

const STAGES: [Stage; 7] = [
    Stage { expansion: 1, kernel: 3, stride: 1, channels: 16, blocks: 1 },
    Stage { expansion: 6, kernel: 3, stride: 2, channels: 24, blocks: 2 },
    Stage { expansion: 6, kernel: 5, stride: 2, channels: 40, blocks: 2 },
    Stage { expansion: 6, kernel: 3, stride: 2, channels: 80, blocks: 3 },
    Stage { expansion: 6, kernel: 5, stride: 1, channels: 112, blocks: 3 },
    Stage { expansion: 6, kernel: 5, stride: 2, channels: 192, blocks: 4 },
    Stage { expansion: 6, kernel: 3, stride: 1, channels: 320, blocks: 1 },
];

/// The network with its weights, ready to run.
#[derive(Debug)]
pub struct Network {
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
    pub fn built_in() -> Network {
        Network::from_safetensors(WEIGHTS).expect("the weights in the program have the layout of the network")
    }

    /// Names the weights: a BLAKE3 hash.
    #[must_use]
    pub fn weights_hash() -> blake3::Hash {
        blake3::hash(WEIGHTS)
    }

    fn from_safetensors(bytes: &[u8]) -> anyhow::Result<Network> {
        let file = WeightFile::open(bytes)?;
        let stem = file.layer("stem", &[3, 3, 3, STEM_CHANNELS])?;
        let mut blocks = Vec::new();
        let mut channels = STEM_CHANNELS;
        for stage in &STAGES {
            for position in 0..stage.blocks {
                let name = format!("block{:02}", blocks.len());
                let wide = channels * stage.expansion;
                let expand = if stage.expansion == 1 {
                    None
                } else {
                    Some(file.layer(&format!("{name}.expand"), &[channels, wide])?)
                };
                blocks.push(Block {
                    expand,
                    depthwise: file.layer(&format!("{name}.depthwise"), &[stage.kernel, stage.kernel, wide])?,
                    project: file.layer(&format!("{name}.project"), &[wide, stage.channels])?,
                    kernel: stage.kernel,
                    stride: if position == 0 { stage.stride } else { 1 },
                });
                channels = stage.channels;
            }
        }
        let head = file.layer("head", &[channels, FEATURES])?;
        Ok(Network { stem, blocks, head })
    }

    /// The pooled features, [`FEATURES`] numbers, of a picture of [`SIDE`] x [`SIDE`] pixels: rows from the top, red, green,
    /// blue.
    ///
    /// # Panics
    /// When `picture` has another length.
    #[must_use]
    pub fn features(&self, picture: &[u8], scratch: &mut Scratch) -> Vec<f32> {
        assert_eq!(picture.len(), SIDE * SIDE * 3, "the caller resizes");
        let Scratch { carried, expanded, filtered, projected } = scratch;
        let mut side = stem(picture, SIDE, &self.stem, carried);
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
    fn the_table_matches_the_weights() {
        let network = Network::built_in();
        assert_eq!(network.blocks.len(), 16);
        assert!(Network::from_safetensors(&WEIGHTS[..WEIGHTS.len() - 2]).is_err());
        assert!(Network::from_safetensors(b"").is_err());
    }

    #[test]
    fn used_buffers_do_not_change_the_features() {
        let network = Network::built_in();
        let picture = |seed: usize| (0..SIDE * SIDE * 3).map(|i| ((i * seed) >> 3) as u8).collect::<Vec<u8>>();
        let fresh = network.features(&picture(13), &mut Scratch::default());
        assert_eq!(fresh.len(), FEATURES);
        assert!(fresh.iter().all(|v| (0.0..=6.0).contains(v)) && fresh.iter().any(|&v| v > 0.0));

        let mut used = Scratch::default();
        let other = network.features(&picture(29), &mut used);
        assert_ne!(fresh, other);
        assert_eq!(fresh, network.features(&picture(13), &mut used));
    }
}
