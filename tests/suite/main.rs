//! The one integration-test binary: whole commands, the independent evaluator, the house rules.

mod bad_input;
mod demo;
mod engines;
mod night;
mod oracle;
mod planning;
mod random_shop;
mod random_shops;
mod run;
mod shops;
mod tidy;
