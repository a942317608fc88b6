//! twinset turns a shop's product pictures and prices into cross-sell and upsell recommendations.
//!
//! The modules appear in the order in which data flows through them; `ARCHITECTURE.md` has the picture.

#![cfg_attr(
    test,
    allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::float_cmp,
        reason = "the numbers of a test are small, and equal when they should be"
    )
)]

pub mod cli;
pub mod config;
pub mod job;

mod durable;
mod tabular;

pub mod catalog;
pub mod device;
pub mod duplicates;
pub mod embedding;
pub mod merchandising;
pub mod money;
pub mod orders;
pub mod output;
pub mod photos;
pub mod plan;
pub mod recommend;
pub mod rules;
pub mod side_file;
pub mod similarity;

pub mod bench;
pub mod check;
pub mod demo;
pub mod devices;
pub mod evaluate;
pub mod explain;
pub mod init;

pub mod error;
pub mod progress;
pub mod reject;
