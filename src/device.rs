//! Everything that is wgpu: adapters, limits, error scopes, buffers, and the containment of their faults. This room
//! refuses products, rules and similarity: it sees bytes and shaders.
//!
//! A driver may panic, hang, lose its device or answer wrongly. So all of wgpu runs on a thread of its own ([`worker`]),
//! every operation ends with a look at what went wrong meanwhile ([`gpu`]), and whatever did is a [`fault::Fault`], never
//! the end of the night.

pub mod adapters;
pub mod fault;
pub mod gpu;
#[cfg(test)]
pub(crate) mod testing;
pub mod worker;

pub use adapters::{Adapter, Choice};
pub use fault::{Fault, Faults};
pub use gpu::{Binding, Gpu, Traffic};
pub use worker::{Pending, Worker};
