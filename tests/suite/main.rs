//! The one integration-test binary: whole commands, the independent evaluator, the house rules.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "the numbers of a test are small"
)]

mod admitted;
mod bad_input;
mod cached;
mod clock;
mod demo;
mod devices;
mod duplicates;
mod engines;
mod evaluate;
mod exact;
mod features;
mod gpu;
mod long_tails;
mod night;
mod onnx;
mod oracle;
mod planning;
mod random_shop;
mod random_shops;
mod run;
mod shaders;
mod shops;
mod tidy;
mod views;
