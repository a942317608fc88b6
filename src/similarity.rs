//! similarity: to be written.
