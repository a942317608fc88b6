//! What goes with what: the map of `twinset.toml`, and what was learned from orders where it has no key. This room refuses to
//! know how weights are learned, and a table of categories by categories.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::catalog::Category;
use crate::rules::categories::{Categories, push_merged};
use crate::rules::globs::Globs;

/// Everything that says which categories go with a category.
#[derive(Clone, Debug, Default)]
pub struct Complements {
    /// `[complements]`, in the order of the keys.
    pub configured: Vec<Complement>,
    /// For categories that no key matches: those that were bought with them, and their weights above 0. Empty until a night has
    /// read its orders.
    pub learned: BTreeMap<Category, Vec<(Category, f64)>>,
}

/// One key of `[complements]`: candidates of categories that match `from` come from those that match `to`.
#[derive(Clone, Debug)]
pub struct Complement {
    /// Globs of anchor categories.
    pub from: Globs,
    /// Globs of candidate categories.
    pub to: Globs,
    /// A weight for each glob of `to`, above 0 and at most 1.
    weights: Vec<f64>,
}

/// The value of a key of `[complements]` as it is written: a list of globs, each of the weight 1, or a table from glob to weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Targets(Vec<(String, f64)>);

/// How strongly categories go together, by their numbers.
#[derive(Clone, Debug, Default)]
pub struct ComplementWeights {
    /// For categories that share them, ranges of category numbers, ascending and apart, and the weight of each.
    lists: Vec<Box<[Weighted]>>,
    /// Per category, its list; `None` leaves it to its siblings.
    of_category: Vec<Option<usize>>,
}

/// Category numbers of one weight.
type Weighted = (Range<u32>, f64);

impl Complement {
    /// What a key says.
    ///
    /// # Errors
    /// One line naming the key: no glob, or a weight that is none.
    pub fn new(key: &str, Targets(targets): Targets) -> Result<Complement, String> {
        if targets.is_empty() {
            return Err(format!("`{key}` names no category: name at least one, or leave the key out"));
        }
        if let Some((glob, weight)) = targets.iter().find(|(_, weight)| !(*weight > 0.0 && *weight <= 1.0)) {
            return Err(format!(
                "`{key}` gives `{glob}` the weight {weight}: a weight is above 0 and at most 1, and what does not go with it is \
                 left out"
            ));
        }
        let (to, weights): (Vec<String>, Vec<f64>) = targets.into_iter().unzip();
        let globs = |patterns| Globs::try_from(patterns).map_err(|cause| format!("`{key}`: {cause}"));
        Ok(Complement { from: globs(vec![key.to_owned()])?, to: globs(to)?, weights })
    }
}

impl Serialize for Complement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let weights: BTreeMap<_, _> = self.to.patterns().iter().zip(&self.weights).collect();
        (&self.from, weights).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Targets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Targets, D::Error> {
        struct ListOrTable;
        impl<'de> Visitor<'de> for ListOrTable {
            type Value = Targets;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a list of category globs, or a table such as `{ \"Women/Shoes\" = 1.0, \"Women/Bags/*\" = 0.5 }`",
                )
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut globs: A) -> Result<Targets, A::Error> {
                let mut targets = Vec::new();
                while let Some(glob) = globs.next_element()? {
                    targets.push((glob, 1.0));
                }
                Ok(Targets(targets))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Targets, A::Error> {
                let mut targets = Vec::new();
                while let Some(entry) = table.next_entry()? {
                    targets.push(entry);
                }
                Ok(Targets(targets))
            }
        }
        deserializer.deserialize_any(ListOrTable)
    }
}

impl ComplementWeights {
    /// The weight of a candidate's category among the complements of an anchor's: 0 where it is none, where they are siblings, and
    /// for the number of products without a category.
    #[must_use]
    pub fn weight(&self, anchor: u32, candidate: u32) -> f64 {
        let list = self.of_category.get(anchor as usize).copied().flatten();
        list.map_or(0.0, |list| weight_in(&self.lists[list], candidate))
    }

    /// Per category, its complements as ranges of numbers; `None` leaves it to its siblings. Categories of the same complements
    /// share them.
    pub(super) fn bases(&self) -> Vec<Option<Rc<[Range<u32>]>>> {
        let mut shared: HashMap<Vec<Range<u32>>, Rc<[Range<u32>]>> = HashMap::new();
        let base = |list: &[Weighted]| {
            let mut ranges = Vec::new();
            for (range, _) in list {
                push_merged(&mut ranges, range.clone());
            }
            shared.entry(ranges).or_insert_with_key(|ranges| ranges.as_slice().into()).clone()
        };
        let bases: Vec<_> = self.lists.iter().map(AsRef::as_ref).map(base).collect();
        self.of_category.iter().map(|list| list.map(|list| bases[list].clone())).collect()
    }
}

impl Categories {
    /// How strongly each two categories go together: the highest weight of the globs that match the candidate's, of all keys that
    /// match the anchor's; where no key does, what was learned.
    #[must_use]
    pub fn complement_weights(&self, complements: &Complements) -> ComplementWeights {
        let numbers: HashMap<&str, u32> =
            self.numbers().into_iter().map(|(path, number)| (path.as_str(), number)).collect();
        let mut keys_of: Vec<Vec<usize>> = vec![Vec::new(); self.len() as usize];
        let mut of_key: Vec<Vec<Weighted>> = Vec::new();
        for (key, complement) in complements.configured.iter().enumerate() {
            self.matches(&complement.from, &numbers).for_each(|(category, _)| keys_of[category as usize].push(key));
            let to = self.matches(&complement.to, &numbers);
            of_key.push(weighted(to.map(|(category, glob)| (category, complement.weights[glob])).collect()));
        }
        let mut found = ComplementWeights::default();
        let mut of_keys: HashMap<Vec<usize>, usize> = HashMap::new();
        for (number, keys) in (0..).zip(keys_of) {
            let mut add = |list: Vec<Weighted>| {
                found.lists.push(list.into());
                found.lists.len() - 1
            };
            let list = if keys.is_empty() {
                let learned = complements.learned.get(self.path(number)).into_iter().flatten();
                let here = learned.filter_map(|(path, weight)| Some((*numbers.get(path.as_str())?, *weight)));
                Some(weighted(here.collect())).filter(|list| !list.is_empty()).map(add)
            } else {
                Some(*of_keys.entry(keys).or_insert_with_key(|keys| add(union(keys, &of_key))))
            };
            found.of_category.push(list);
        }
        found
    }

    /// The categories that match a glob, and which: without a look at each category where no glob has a wildcard, so that a
    /// learned map can be pasted whole.
    fn matches<'a>(
        &'a self,
        globs: &'a Globs,
        numbers: &'a HashMap<&str, u32>,
    ) -> Box<dyn Iterator<Item = (u32, usize)> + 'a> {
        match globs.literals() {
            Some(paths) => {
                let known = move |(glob, path): (usize, String)| Some((*numbers.get(path.as_str())?, glob));
                Box::new(paths.into_iter().enumerate().filter_map(known))
            }
            None => Box::new((0..self.len()).flat_map(|category| {
                globs.matching(self.path(category).as_str()).into_iter().map(move |glob| (category, glob))
            })),
        }
    }
}

/// Categories and weights as ranges of one weight; of several weights the highest.
fn weighted(mut categories: Vec<(u32, f64)>) -> Vec<Weighted> {
    categories.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    categories.dedup_by_key(|(category, _)| *category);
    let mut list = Vec::new();
    for (category, weight) in categories {
        push(&mut list, category..category + 1, weight);
    }
    list
}

/// What several keys say together: the highest weight counts.
fn union(keys: &[usize], of_key: &[Vec<Weighted>]) -> Vec<Weighted> {
    if let [only] = keys {
        return of_key[*only].clone();
    }
    let ranges = keys.iter().flat_map(|&key| &of_key[key]);
    let mut ends: Vec<u32> = ranges.flat_map(|(range, _)| [range.start, range.end]).collect();
    ends.sort_unstable();
    ends.dedup();
    let mut list = Vec::new();
    for part in ends.windows(2) {
        let weights = keys.iter().map(|&key| weight_in(&of_key[key], part[0]));
        let weight = weights.fold(0.0, f64::max);
        if weight > 0.0 {
            push(&mut list, part[0]..part[1], weight);
        }
    }
    list
}

/// Appends a range behind all others, to the last one where that ends there with the same weight.
fn push(list: &mut Vec<Weighted>, next: Range<u32>, weight: f64) {
    match list.last_mut() {
        Some((last, of_last)) if last.end == next.start && of_last.total_cmp(&weight).is_eq() => last.end = next.end,
        _ => list.push((next, weight)),
    }
}

fn weight_in(list: &[Weighted], category: u32) -> f64 {
    let next = list.partition_point(|(range, _)| range.end <= category);
    list.get(next).filter(|(range, _)| range.contains(&category)).map_or(0.0, |&(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Candidates;
    use crate::rules::vocabulary::Scope;

    const SHOP: [&str; 6] = [
        "Gear/Bags",
        "Gear/Watches",
        "Women/Bottoms/Pants",
        "Women/Tops/Bras",
        "Women/Tops/Tees",
        "Women/Tops/Tees/Long",
    ];

    fn shop() -> Categories {
        let parsed: Vec<Category> = SHOP.iter().filter_map(|path| Category::parse(path)).collect();
        Categories::new(parsed.iter())
    }

    fn map(text: &str) -> Result<Vec<Complement>, String> {
        let keys: BTreeMap<String, Targets> = toml::from_str(text).map_err(|cause| cause.message().to_owned())?;
        keys.into_iter().map(|(key, targets)| Complement::new(&key, targets)).collect()
    }

    fn learned(pairs: &[(&str, &str, f64)]) -> BTreeMap<Category, Vec<(Category, f64)>> {
        let path = |text| Category::parse(text).expect("a path");
        let mut learned: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for &(from, to, weight) in pairs {
            learned.entry(path(from)).or_default().push((path(to), weight));
        }
        learned
    }

    /// What is allowed beside an anchor, with the weights; they are 0 for whatever is not allowed.
    fn beside(complements: &Complements, anchor: &str) -> Vec<(String, f64)> {
        let shop = shop();
        let number = shop.numbers()[&Category::parse(anchor).expect("a path")];
        let weights = shop.complement_weights(complements);
        let allowed = shop.allowed(&Candidates::Named(Scope::Complement), complements);
        let allowed = allowed[number as usize].as_ref().expect("has a category");
        let is_allowed = |c: u32| allowed.base.iter().any(|range| range.contains(&c)) && !allowed.except.contains(&c);
        assert!((0..=shop.len()).all(|c| is_allowed(c) || weights.weight(number, c) == 0.0));
        assert_eq!(weights.weight(shop.len(), number), 0.0);
        (0..shop.len())
            .filter(|&c| is_allowed(c))
            .map(|c| (shop.path(c).to_string(), weights.weight(number, c)))
            .collect()
    }

    fn pairs(of: &[(&str, f64)]) -> Vec<(String, f64)> {
        of.iter().map(|&(path, weight)| (path.to_owned(), weight)).collect()
    }

    #[test]
    fn the_map_comes_before_orders_and_orders_before_siblings() {
        let complements = Complements {
            configured: map("'Women/Tops/*' = ['Gear/Bags']").unwrap(),
            learned: learned(&[
                ("Women/Tops/Tees", "Women/Bottoms/Pants", 0.9),
                ("Gear/Bags", "Women/Tops/Tees", 0.25),
                ("Gear/Bags", "Women/Bottoms/Pants", 0.125),
                ("Gear/Bags", "Gone", 1.0),
                ("Gear/Watches", "Gone", 1.0),
            ]),
        };
        assert_eq!(beside(&complements, "Women/Tops/Tees"), pairs(&[("Gear/Bags", 1.0)]));
        assert_eq!(
            beside(&complements, "Gear/Bags"),
            pairs(&[("Women/Bottoms/Pants", 0.125), ("Women/Tops/Tees", 0.25)])
        );
        assert_eq!(beside(&complements, "Gear/Watches"), pairs(&[("Gear/Bags", 0.0)]));
        let tops = [("Women/Tops/Bras", 0.0), ("Women/Tops/Tees", 0.0), ("Women/Tops/Tees/Long", 0.0)];
        assert_eq!(beside(&complements, "Women/Bottoms/Pants"), pairs(&tops));
    }

    #[test]
    fn of_all_globs_of_all_keys_the_highest_weight_counts() {
        let configured = map("'**/Tees' = { 'Gear/**' = 0.5, 'Gear/Bags' = 0.75, 'Women/**' = 0.1 }\n\
             'Women/Tops/*' = { 'Gear/Watches' = 1, 'Gear/Bags' = 0.6, 'Women/Tops/Bras' = 0.05, 'Nowhere' = 1.0 }\n\
             'Women/Bottoms/Pants' = ['Nowhere', 'Women/Tops/Tees', 'Women/Tops/T*', 'Gear/Watches']\n\
             'Gear/Bags' = ['Nowhere']");
        let complements =
            Complements { configured: configured.unwrap(), learned: learned(&[("Gear/Bags", "Gear/Watches", 1.0)]) };
        let tees = [
            ("Gear/Bags", 0.75),
            ("Gear/Watches", 1.0),
            ("Women/Bottoms/Pants", 0.1),
            ("Women/Tops/Bras", 0.1),
            ("Women/Tops/Tees", 0.1),
            ("Women/Tops/Tees/Long", 0.1),
        ];
        assert_eq!(beside(&complements, "Women/Tops/Tees"), pairs(&tees));
        let bras = [("Gear/Bags", 0.6), ("Gear/Watches", 1.0), ("Women/Tops/Bras", 0.05)];
        assert_eq!(beside(&complements, "Women/Tops/Bras"), pairs(&bras));
        let pants = [("Gear/Watches", 1.0), ("Women/Tops/Tees", 1.0)];
        assert_eq!(beside(&complements, "Women/Bottoms/Pants"), pairs(&pants));
        assert_eq!(
            beside(&complements, "Gear/Bags"),
            [],
            "a key that matches decides, also where its globs match nothing"
        );
    }

    #[test]
    fn a_weight_is_above_0_and_at_most_1() {
        for (text, said) in [
            ("'A' = []", "`A` names no category"),
            ("'A' = {}", "`A` names no category"),
            ("'A' = { 'B' = 1.5 }", "`A` gives `B` the weight 1.5"),
            ("'A' = { 'C' = 1, 'B' = 0 }", "`A` gives `B` the weight 0:"),
            ("'A' = { 'B' = -0.5 }", "`A` gives `B`"),
            ("'A' = { 'B' = nan }", "`A` gives `B`"),
            ("'A' = 'B'", "a list of category globs, or a table"),
            ("'A' = { 'B' = 'x' }", "invalid type"),
        ] {
            let cause = map(text).unwrap_err();
            assert!(cause.contains(said), "{text}: {cause}");
        }
        let same = |a: &str, b: &str| {
            let json = |text| serde_json::to_string(&map(text).unwrap()).unwrap();
            json(a) == json(b)
        };
        assert!(same("'A' = ['B', 'C']", "'A' = { 'B' = 1, 'C' = 1.0 }"));
        assert!(!same("'A' = ['B']", "'A' = { 'B' = 0.5 }"));
    }
}
