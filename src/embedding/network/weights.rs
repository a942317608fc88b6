//! The weight file: float16 safetensors widened to f32. This room refuses a tensor of another shape or type.

use anyhow::{Context, Result, ensure};
use half::f16;
use safetensors::{Dtype, SafeTensors};

/// One convolution: its kernel and what is added to each output channel.
#[derive(Debug)]
pub(super) struct Layer {
    /// Axes as the weight file has them; the output channel is last and contiguous.
    pub(super) weight: Vec<f32>,
    /// One number for each output channel.
    pub(super) bias: Vec<f32>,
}

pub(super) struct WeightFile<'a> {
    tensors: SafeTensors<'a>,
}

impl<'a> WeightFile<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<WeightFile<'a>> {
        Ok(WeightFile { tensors: SafeTensors::deserialize(bytes).context("the weights are not a safetensors file")? })
    }

    /// The layer `name` whose weight has `shape`.
    pub(super) fn layer(&self, name: &str, shape: &[usize]) -> Result<Layer> {
        let channels = shape.last().copied().unwrap_or_default();
        Ok(Layer {
            weight: self.widened(&format!("{name}.weight"), shape)?,
            bias: self.widened(&format!("{name}.bias"), &[channels])?,
        })
    }

    fn widened(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let tensor = self.tensors.tensor(name).with_context(|| format!("no tensor `{name}`"))?;
        ensure!(tensor.dtype() == Dtype::F16, "tensor `{name}` is not float16");
        ensure!(tensor.shape() == shape, "tensor `{name}` has shape {:?} instead of {shape:?}", tensor.shape());
        Ok(tensor.data().chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect())
    }
}
