//! Links that people made: a product, what they put beside it, and of which kind it is. This room refuses to guess a relation.

use std::collections::BTreeMap;

use super::truth::{Ids, Link, Read};
use crate::rules::Relation;

/// The columns of the file, in the order in which [`LinkFile::take`] wants their cells; the last may be absent.
pub(super) const COLUMNS: [&str; 3] = ["product", "linked_product", "kind"];

/// Which relation a kind of links stands for.
#[derive(Clone, Debug)]
pub struct Kinds(BTreeMap<String, Relation>);

impl Kinds {
    /// `crosssell`, `upsell`, `related` and `similar`, in any case and with `_`, `-` or a space between words; `more` beats them.
    #[must_use]
    pub fn new(more: &[(String, Relation)]) -> Kinds {
        let known = [
            ("crosssell", Relation::CrossSell),
            ("upsell", Relation::Upsell),
            ("related", Relation::Similar),
            ("similar", Relation::Similar),
        ];
        let known = known.into_iter().chain(more.iter().map(|(name, relation)| (name.as_str(), *relation)));
        Kinds(known.map(|(name, relation)| (plain(name), relation)).collect())
    }

    fn relation(&self, kind: &str) -> Option<Relation> {
        self.0.get(&plain(kind)).copied()
    }
}

/// A kind without what shops write differently.
fn plain(kind: &str) -> String {
    kind.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

/// A file of links, before its ids are looked up.
#[derive(Debug)]
pub(super) struct LinkFile {
    kinds: Kinds,
    ids: Ids,
    /// Relation, product, linked product; by the numbers of their ids.
    links: Vec<Link>,
    read: Read,
}

impl LinkFile {
    pub(super) fn new(file: String, kinds: Kinds) -> LinkFile {
        let read = Read { file, of: "links", ..Read::default() };
        LinkFile { kinds, ids: Ids::default(), links: Vec::new(), read }
    }

    /// Takes one row of the file, its cells in the order of [`COLUMNS`]. A link without a kind is of every relation.
    pub(super) fn take(&mut self, cells: &[Option<&str>]) {
        let cell = |at: usize| cells.get(at).copied().flatten().map(str::trim).filter(|text| !text.is_empty());
        self.read.rows += 1;
        let relation = match cell(2).map(|kind| self.kinds.relation(kind).ok_or(kind)) {
            None => None,
            Some(Ok(relation)) => Some(relation),
            Some(Err(kind)) => {
                self.read.unknown_kind += 1;
                self.read.unknown_kind_example.get_or_insert_with(|| kind.to_owned());
                return;
            }
        };
        match (cell(0), cell(1)) {
            (Some(from), Some(to)) => self.links.push((relation, self.ids.number(from), self.ids.number(to))),
            _ => self.read.incomplete += 1,
        }
    }

    /// The links as rows of the plan, whose ids these are.
    pub(super) fn resolve<'a>(self, ids: impl Iterator<Item = &'a str>) -> (Vec<Link>, Read) {
        let rows = self.ids.rows(ids);
        let mut read = self.read;
        read.unknown_example = self.ids.first_unknown(&rows).map(str::to_owned);
        let mut links = Vec::with_capacity(self.links.len());
        for (relation, from, to) in self.links {
            match (rows[from as usize], rows[to as usize]) {
                (Some(from), Some(to)) if from == to => read.own += 1,
                (Some(from), Some(to)) => links.push((relation, from, to)),
                _ => read.unknown += 1,
            }
        }
        (links, read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_as_shops_write_them_and_can_be_said() {
        let kinds = Kinds::new(&[]);
        for text in ["crosssell", "cross_sell", "Cross-Sell", "CROSS SELL"] {
            assert_eq!(kinds.relation(text), Some(Relation::CrossSell), "{text}");
        }
        assert_eq!(
            ["up_sell", "related", "similar"].map(|kind| kinds.relation(kind)),
            [Some(Relation::Upsell), Some(Relation::Similar), Some(Relation::Similar)]
        );
        assert_eq!(kinds.relation("accessory"), None);
        let kinds =
            Kinds::new(&[("Related".to_owned(), Relation::CrossSell), ("spare part".to_owned(), Relation::Upsell)]);
        assert_eq!(kinds.relation("related"), Some(Relation::CrossSell));
        assert_eq!(kinds.relation("spare_part"), Some(Relation::Upsell));
    }

    #[test]
    fn rows_become_links_and_what_cannot_is_counted() {
        let mut file = LinkFile::new("l.csv".to_owned(), Kinds::new(&[]));
        for cells in [
            [Some(" a "), Some("b"), Some("upsell")],
            [Some("b"), Some("a"), None],
            [Some("b"), Some("b"), Some("")],
            [Some("gone"), Some("a"), None],
            [Some("a"), None, None],
            [Some("a"), Some("b"), Some("accessory")],
        ] {
            file.take(&cells);
        }
        file.take(&[Some("a"), Some("b")]);
        let (links, read) = file.resolve(["b", "a"].into_iter());
        assert_eq!(links, [(Some(Relation::Upsell), 1, 0), (None, 0, 1), (None, 1, 0)]);
        assert_eq!((read.rows, read.own, read.unknown, read.incomplete, read.unknown_kind), (7, 1, 1, 1, 1));
        assert_eq!(read.unknown_example.as_deref(), Some("gone"));
        assert_eq!(read.unknown_kind_example.as_deref(), Some("accessory"));
    }
}
