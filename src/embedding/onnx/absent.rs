//! What stands for the encoder in a program that was built without it. This file refuses to open a model.

use anyhow::anyhow;

use super::Settings;
use crate::embedding::Encoder;
use crate::error::{Error, Result};
use crate::photos::Photo;

/// An encoder that cannot be had.
#[derive(Debug)]
pub enum Onnx {}

impl Onnx {
    /// Says what to build instead.
    ///
    /// # Errors
    /// [`Error::Config`], always.
    pub fn open(_: &Settings, _: usize) -> Result<Onnx> {
        Err(Error::Config(anyhow!(
            "`kind = \"onnx\"` under `[embedding]` is not part of this program: build it with \
             `cargo build --release --features onnx`, or use `kind = \"builtin\"` or `kind = \"column\"`"
        )))
    }
}

impl Encoder for Onnx {
    fn fingerprint(&self) -> String {
        match *self {}
    }

    fn dimension(&self) -> usize {
        match *self {}
    }

    fn square(&self) -> (f64, u32) {
        match *self {}
    }

    fn frame(&self, _: &Photo) -> Vec<u8> {
        match *self {}
    }

    fn encode(&self, _: Vec<Vec<u8>>, _: &(dyn Fn() + Sync)) -> Result<Vec<Vec<f32>>> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_feature_the_error_says_what_to_build() {
        let error = Onnx::open(&Settings::new("clip.onnx".into(), [0.5; 3], [0.5; 3]), 1).expect_err("not there");
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("--features onnx"), "{error}");
    }
}
