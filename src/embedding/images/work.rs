//! The work on images: they are read, decoded ahead of the [`Encoder`] and encoded in chunks. This file refuses to hold more than two
//! chunks of framed pictures at a time besides the vectors themselves, and more decoded photos than its budget allows.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::{CHUNK, Encoder, Image, Seen, Session, keep};
use crate::embedding::cache::Content;
use crate::embedding::make_unit;
use crate::error::Result;
use crate::photos::{self, Fault};
use crate::reject::Stage;

/// Images that are looked at together, at least.
const FEW: usize = 16;
/// How long a chunk may take: a run that is killed loses the one under way.
const LONG: Duration = Duration::from_secs(5);

/// A file that was read, and where the features of its image come from.
struct Looked {
    view: usize,
    seen: Seen,
    found: Found,
}

enum Found {
    /// Another view with the same image brings them, or there is no image.
    Elsewhere,
    Cached(Vec<f32>),
    /// The picture that the encoder is to look at.
    Framed(Vec<u8>),
    Computed(Vec<f32>),
    /// The image cannot be decoded.
    Undecoded(Fault),
}

impl<E: Encoder> Session<'_, E> {
    /// Reads the files that have to be read.
    pub(super) fn read_the_rest(&mut self, seen: &mut [Seen]) -> Result<()> {
        let mut work = self.left_to_do(seen);
        self.progress.advance((seen.len() - work.len()) as u64);
        // A file may turn out to have changed since it was looked at, while others wait for what it had: they are read then.
        while !work.is_empty() {
            self.work_through(&work, seen)?;
            work = self.left_to_do(seen);
        }
        Ok(())
    }

    /// The views whose files have to be read.
    fn left_to_do(&mut self, seen: &[Seen]) -> Vec<usize> {
        let images = self.images.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut left = Vec::new();
        for (view, one) in seen.iter().enumerate() {
            match one {
                Seen::Unknown => left.push(view),
                Seen::Image(content, _) => {
                    let Some(Image::Wanted(bringer)) = images.get_mut(content) else { continue };
                    if !matches!(&seen[*bringer], Seen::Image(brought, _) if brought == content) {
                        *bringer = view;
                    }
                    if *bringer == view {
                        left.push(view);
                    }
                }
                Seen::Nothing | Seen::Url | Seen::Unread(_) => {}
            }
        }
        left
    }

    /// Reads the files of some views in chunks; the next one is read, decoded and framed while the encoder looks at one.
    fn work_through(&mut self, mut work: &[usize], seen: &mut [Seen]) -> Result<()> {
        let mut size = 2 * FEW;
        let mut ahead = self.look_at(take(&mut work, size));
        while !ahead.is_empty() {
            let started = Instant::now();
            let next = take(&mut work, size);
            let (encoded, looked) = rayon::join(|| self.encode(&mut ahead), || self.look_at(next));
            encoded?;
            self.keep_chunk(ahead, seen);
            self.cache.checkpoint();
            ahead = looked;
            size = match started.elapsed() {
                long if long > LONG => (size / 2).max(FEW),
                short if short < LONG / 2 => (size * 2).min(CHUNK),
                _ => size,
            };
        }
        Ok(())
    }

    fn look_at(&self, views: &[usize]) -> Vec<Looked> {
        let look = |&view: &usize| {
            let looked = self.look(view);
            if !matches!(looked.found, Found::Framed(_)) {
                self.progress.advance(1);
            }
            looked
        };
        views.par_iter().map(look).collect()
    }

    /// Reads a view's image and, the first time that its bytes are seen, finds its features or frames it for the encoder.
    fn look(&self, view: usize) -> Looked {
        match self.root.read_signed(self.views[view].image) {
            Err(fault) => Looked { view, seen: Seen::Unread(Box::new(fault)), found: Found::Elsewhere },
            Ok((bytes, signature)) => {
                let content = *blake3::hash(&bytes).as_bytes();
                Looked { view, seen: Seen::Image(content, signature), found: self.find(&content, &bytes) }
            }
        }
    }

    fn find(&self, content: &Content, bytes: &[u8]) -> Found {
        if !self.claim(content) {
            return Found::Elsewhere;
        }
        if let Some(fault) = self.cache.fault(content).filter(|_| !self.asked.retry_rejects) {
            return Found::Undecoded(fault.clone());
        }
        if let Some(features) = self.cache.get(content) {
            return Found::Cached(features);
        }
        let _room = self.budget.room(photos::decoded_bytes(bytes));
        let (crop, side) = self.asked.encoder.square();
        match photos::decode_for(bytes, crop, side) {
            Ok(photo) => Found::Framed(self.asked.encoder.frame(&photo)),
            Err(fault) => Found::Undecoded(fault),
        }
    }

    /// Whether nobody else brings this image.
    fn claim(&self, content: &Content) -> bool {
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        let is_open = matches!(images.get(content), None | Some(Image::Wanted(_)));
        if is_open {
            images.insert(*content, Image::Claimed);
        }
        is_open
    }

    /// Lets the encoder look at the framed pictures of a chunk.
    fn encode(&self, chunk: &mut [Looked]) -> Result<()> {
        let framed = |looked: &mut Looked| match &mut looked.found {
            Found::Framed(picture) => Some(std::mem::take(picture)),
            _ => None,
        };
        let pictures: Vec<Vec<u8>> = chunk.iter_mut().filter_map(framed).collect();
        let mut features = self.asked.encoder.encode(pictures, &|| self.progress.advance(1))?.into_iter();
        for looked in chunk.iter_mut().filter(|looked| matches!(looked.found, Found::Framed(_))) {
            looked.found = Found::Computed(features.next().expect("an encoder gives features for every picture"));
        }
        Ok(())
    }

    /// Moves what a chunk brought into the vectors, the images and the cache.
    fn keep_chunk(&mut self, chunk: Vec<Looked>, seen: &mut [Seen]) {
        let images = self.images.get_mut().unwrap_or_else(PoisonError::into_inner);
        for Looked { view, seen: looked, found } in chunk {
            if let Seen::Image(content, signature) = looked {
                self.cache.note(signature, content);
                let outcome = match found {
                    Found::Elsewhere | Found::Framed(_) => None,
                    Found::Undecoded(fault) => {
                        self.cache.add_fault(content, &fault);
                        Some(Err(Box::new((Stage::Image, fault))))
                    }
                    Found::Cached(features) => Some(keep(&mut self.vectors, view, make_unit(&features))),
                    Found::Computed(features) => {
                        let outcome = keep(&mut self.vectors, view, make_unit(&features));
                        self.cache.add(content, features);
                        self.computed += 1;
                        Some(outcome)
                    }
                };
                if let Some(outcome) = outcome {
                    images.insert(content, Image::Settled(outcome));
                }
            }
            seen[view] = looked;
        }
    }
}

/// Cuts off the first of some work.
fn take<'a>(work: &mut &'a [usize], size: usize) -> &'a [usize] {
    let (first, rest) = work.split_at(size.min(work.len()));
    *work = rest;
    first
}
