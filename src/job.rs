//! job: to be written.
