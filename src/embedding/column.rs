//! Vectors that come with the catalog. This room opens no image and refuses to guess: a vector of another length is a reject.

use std::collections::BTreeMap;

use anyhow::anyhow;

use super::{Embedded, Embedder, VectorFault, Vectors};
use crate::catalog::{Catalog, Product, VectorColumn};
use crate::error::Result;
use crate::progress::Progress;
use crate::reject::{Reject, Stage};

/// Takes the vectors of the catalog's vector column, made unit. Their dimension is the most common length among them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Column;

impl Embedder for Column {
    fn fingerprint(&self) -> String {
        "column/1".to_owned()
    }

    fn dimension(&self) -> Option<usize> {
        None
    }

    fn embed(&self, catalog: &mut Catalog, progress: &Progress) -> Result<Embedded> {
        let column = catalog.vectors.take();
        let column = column.ok_or_else(|| anyhow!("the catalog was read without a vector column"))?;
        progress.start(u64::try_from(catalog.products.len()).unwrap_or(u64::MAX));
        let dimension = most_common_length(&column);
        let (vectors, faults) = Vectors::in_place(dimension, column.values, &column.spans);
        let mut faults = faults.into_iter().peekable();
        let mut rejects = Vec::new();
        for (index, (product, span)) in catalog.products.iter().zip(&column.spans).enumerate() {
            let length = span.as_ref().map_or(0, ExactSizeIterator::len);
            if length > 0 && length != dimension {
                let detail = format!("the vector has {length} components, most of the column have {dimension}");
                rejects.push(reject(product, "wrong_length", detail));
            }
            if let Some((_, fault)) = faults.next_if(|&(faulty, _)| faulty == index) {
                let (code, detail) = match fault {
                    VectorFault::NonFinite => ("non_finite", "a component of the vector is not a finite number"),
                    VectorFault::Zero => ("zero_vector", "every component of the vector is zero"),
                };
                rejects.push(reject(product, code, detail.to_owned()));
            }
            progress.advance(1);
        }
        let computed = vectors.count();
        Ok(Embedded { vectors, rejects, inputs: None, computed })
    }
}

/// The length of most non-empty cells, the smaller one of two that are equally common; 0 when all are empty.
fn most_common_length(column: &VectorColumn) -> usize {
    let mut counts = BTreeMap::<usize, usize>::new();
    for length in column.spans.iter().flatten().map(ExactSizeIterator::len).filter(|&length| length > 0) {
        *counts.entry(length).or_default() += 1;
    }
    // The last of equal maxima wins, so the lengths are walked from the largest down.
    counts.iter().rev().max_by_key(|&(_, count)| count).map_or(0, |(&length, _)| length)
}

fn reject(product: &Product, code: &'static str, detail: String) -> Reject {
    Reject { stage: Stage::Embedding, row: product.row, id: Some(product.id.clone()), code, detail }
}

#[cfg(test)]
mod tests {
    use super::super::images::tests::product;
    use super::*;

    fn catalog(cells: &[Option<&[f32]>]) -> Catalog {
        let mut column = VectorColumn::default();
        for cell in cells {
            let start = column.values.len();
            column.values.extend_from_slice(cell.unwrap_or_default());
            column.spans.push(cell.map(|_| start..column.values.len()));
        }
        let products = (0..cells.len()).map(|i| product(i, None)).collect();
        Catalog { products, vectors: Some(column), ..Catalog::default() }
    }

    fn embed(cells: &[Option<&[f32]>]) -> Embedded {
        Column.embed(&mut catalog(cells), &Progress::hidden()).unwrap()
    }

    #[test]
    fn every_unusable_vector_is_a_reject_with_its_reason() {
        let embedded = embed(&[
            Some(&[3.0, 4.0]),
            None,
            Some(&[1.0, 2.0, 3.0]),
            Some(&[f32::NAN, 1.0]),
            Some(&[0.0, -0.0]),
            Some(&[]),
            Some(&[f32::INFINITY, 1.0]),
            Some(&[-2.0, 0.0]),
        ]);
        let rejects: Vec<_> = embedded.rejects.iter().map(|r| (r.row, r.code)).collect();
        assert_eq!(rejects, [(3, "wrong_length"), (4, "non_finite"), (5, "zero_vector"), (7, "non_finite")]);
        assert!(embedded.rejects.iter().all(|r| r.stage == Stage::Embedding && r.id.is_some()));
        assert_eq!(embedded.vectors.get(0).unwrap(), [0.6, 0.8]);
        assert_eq!(embedded.vectors.get(7).unwrap(), [-1.0, 0.0]);
        assert_eq!((embedded.vectors.count(), embedded.computed), (2, 2));
        assert!((1..7).all(|i| embedded.vectors.get(i).is_none()));
    }

    #[test]
    fn the_smaller_of_two_equally_common_lengths_wins() {
        let (two, three): (&[f32], &[f32]) = (&[1.0, 0.0], &[1.0, 0.0, 0.0]);
        assert_eq!(embed(&[Some(three), Some(two), Some(two), Some(three)]).vectors.dimension(), 2);
        assert_eq!(embed(&[Some(three), Some(two), Some(three)]).vectors.dimension(), 3);
        assert_eq!(embed(&[Some(&[]), Some(&[]), Some(three)]).vectors.dimension(), 3);
    }

    #[test]
    fn a_column_of_empty_cells_gives_no_vector() {
        let embedded = embed(&[None, Some(&[]), None]);
        assert_eq!((embedded.vectors.count(), embedded.rejects.len()), (0, 0));
    }

    #[test]
    fn a_catalog_without_the_column_is_an_error() {
        assert!(Column.embed(&mut Catalog::default(), &Progress::hidden()).is_err());
    }
}
