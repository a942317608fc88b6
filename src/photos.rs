//! photos: to be written.
