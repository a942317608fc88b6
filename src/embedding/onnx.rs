//! The shop's own image encoder: an ONNX file, run by an ONNX Runtime that is found when the program runs. This room refuses to
//! guess what neither the configuration nor the model says, and to fall back to another network.

#[cfg(any(test, not(feature = "onnx")))]
mod absent;
#[cfg(feature = "onnx")]
mod encoder;
#[cfg(feature = "onnx")]
mod external;
#[cfg(feature = "onnx")]
mod library;
#[cfg(feature = "onnx")]
mod session;
mod settings;
#[cfg(feature = "onnx")]
mod signature;

#[cfg(not(feature = "onnx"))]
pub use absent::Onnx;
#[cfg(feature = "onnx")]
pub use encoder::Onnx;
pub use settings::{Channels, Layout, Provider, Settings, Word};
