//! rules: to be written.
