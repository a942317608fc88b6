//! What one list is worth against its links, what the best list would be, and what a blind one can expect. This file refuses to
//! know products: it sees places of a list and counts.

/// One figure three times: of the list, of the best list that the rule allows, and of a random one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Scores {
    /// Of the list as it is shown.
    pub found: f64,
    /// Of a list that begins with all linked entries that the rule allows.
    pub ceiling: f64,
    /// The expected value for a random pick among the entries that the rule allows.
    pub random: f64,
}

/// What one source comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Judged {
    /// Whether a linked entry is among the first k: 1 or 0.
    pub hit: Scores,
    /// The share of linked entries that are among the first k.
    pub recall: Scores,
    /// The average precision, cut at k.
    pub precision: Scores,
    /// Entries among the first k.
    pub entries: f64,
    /// Of these, entries whose category is linked with the source's.
    pub in_pair: f64,
    /// How many of as many random candidates would be.
    pub in_pair_by_chance: f64,
}

/// What a list can be filled from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    /// Linked entries, allowed or not; at least one.
    pub linked: usize,
    /// Entries that the rule allows.
    pub eligible: usize,
    /// Linked entries that the rule allows.
    pub eligible_linked: usize,
    /// The cut.
    pub k: usize,
    /// Places among the first k that the rule may fill: fewer where its limit is.
    pub places: usize,
}

impl Draw {
    /// The scores of a list; `is_linked` says of each of its first k places whether it holds a linked entry for the first time.
    pub(super) fn judge(self, is_linked: &[bool]) -> Judged {
        let hits = is_linked.iter().filter(|&&is| is).count();
        let (linked, full) = (float(self.linked), float(self.linked.min(self.k)));
        let best = self.places.min(self.eligible_linked);
        let is = |any: bool| f64::from(u8::from(any));
        Judged {
            hit: Scores { found: is(hits > 0), ceiling: is(best > 0), random: self.random_hit() },
            recall: Scores {
                found: float(hits) / linked,
                ceiling: float(best) / linked,
                random: self.random_hits() / linked,
            },
            precision: Scores {
                found: precisions(is_linked) / full,
                ceiling: float(best) / full,
                random: self.random_precisions() / full,
            },
            ..Judged::default()
        }
    }

    /// The chance that a random pick holds a linked entry: 1 - C(m - h, k) / C(m, k), the hypergeometric distribution's
    /// complement of no success (Johnson, Kemp, Kotz, "Univariate Discrete Distributions", 2005, chapter 6), with m eligible
    /// entries, h of them linked. The quotient is the product of (m - h - i) / (m - i) for i below k.
    fn random_hit(self) -> f64 {
        let (m, misses) = (self.eligible, self.eligible - self.eligible_linked);
        let picked = self.places.min(m);
        if picked > misses {
            return 1.0;
        }
        1.0 - (0..picked).map(|i| float(misses - i) / float(m - i)).product::<f64>()
    }

    /// The expected number of linked entries in a random pick: k h / m, the mean of the hypergeometric distribution.
    fn random_hits(self) -> f64 {
        let m = self.eligible;
        if m == 0 { 0.0 } else { float(self.places.min(m)) * float(self.eligible_linked) / float(m) }
    }

    /// The expected sum of precisions of a random pick in random order. Place i is linked with the chance h / m; given that,
    /// each of the i - 1 places before it is with (h - 1) / (m - 1): Σ (h / m) (1 + (i - 1) (h - 1) / (m - 1)) / i.
    fn random_precisions(self) -> f64 {
        let (m, h) = (self.eligible, self.eligible_linked);
        if h == 0 {
            return 0.0;
        }
        let before = if m > 1 { float(h - 1) / float(m - 1) } else { 0.0 };
        let place = |i: usize| float(h) / float(m) * (1.0 + float(i - 1) * before) / float(i);
        (1..=self.places.min(m)).map(place).sum()
    }
}

/// The sum over linked places of the share of linked places so far: average precision before it is divided (Manning, Raghavan,
/// Schütze, "Introduction to Information Retrieval", 2008, section 8.4).
fn precisions(is_linked: &[bool]) -> f64 {
    let (mut sum, mut hits) = (0.0, 0);
    for (place, _) in is_linked.iter().enumerate().filter(|(_, is)| **is) {
        hits += 1;
        sum += float(hits) / float(place + 1);
    }
    sum
}

impl Scores {
    fn add_times(&mut self, other: Scores, times: f64) {
        self.found += times * other.found;
        self.ceiling += times * other.ceiling;
        self.random += times * other.random;
    }
}

impl Judged {
    /// Adds another, so many times.
    pub(super) fn add_times(&mut self, other: &Judged, times: f64) {
        self.hit.add_times(other.hit, times);
        self.recall.add_times(other.recall, times);
        self.precision.add_times(other.precision, times);
        self.entries += times * other.entries;
        self.in_pair += times * other.in_pair;
        self.in_pair_by_chance += times * other.in_pair_by_chance;
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of one catalog are far below 2^53")]
pub(super) fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(linked: usize, eligible: usize, eligible_linked: usize, k: usize) -> Draw {
        Draw { linked, eligible, eligible_linked, k, places: k }
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn a_list_is_worth_what_hand_computation_says() {
        // Linked at places 2 and 4 of 4, of three links: (1/2 + 2/4) / min(4, 3).
        let judged = draw(3, 10, 2, 4).judge(&[false, true, false, true]);
        assert_eq!((judged.hit.found, judged.hit.ceiling), (1.0, 1.0));
        assert!(near(judged.recall.found, 2.0 / 3.0) && near(judged.recall.ceiling, 2.0 / 3.0));
        assert!(near(judged.precision.found, 1.0 / 3.0) && near(judged.precision.ceiling, 2.0 / 3.0));
        // 1 - C(8, 4) / C(10, 4) = 1 - 70 / 210.
        assert!(near(judged.hit.random, 2.0 / 3.0));
        assert!(near(judged.recall.random, 4.0 * 2.0 / 10.0 / 3.0));
    }

    #[test]
    fn a_source_whose_links_are_not_eligible_has_a_ceiling_of_nothing() {
        for eligible in [0, 7] {
            let judged = draw(2, eligible, 0, 4).judge(&[]);
            assert_eq!(judged, Judged::default(), "{eligible}");
        }
    }

    #[test]
    fn a_cut_beyond_the_list_takes_everything() {
        // Two eligible entries, one linked: a random pick of 4 is both. In random order its precision is 1 or 1/2.
        let judged = draw(1, 2, 1, 4).judge(&[true, false]);
        assert_eq!(judged.hit, Scores { found: 1.0, ceiling: 1.0, random: 1.0 });
        assert_eq!(judged.recall, Scores { found: 1.0, ceiling: 1.0, random: 1.0 });
        assert!(near(judged.precision.random, 0.75));
        // Eight links and four places: recall cannot be whole, average precision can.
        let judged = draw(8, 8, 8, 4).judge(&[true; 4]);
        assert_eq!((judged.recall.found, judged.recall.ceiling), (0.5, 0.5));
        assert_eq!((judged.precision.found, judged.precision.random), (1.0, 1.0));
    }

    #[test]
    fn a_rule_with_a_short_limit_has_few_places() {
        let judged = Draw { places: 1, ..draw(2, 4, 2, 4) }.judge(&[true]);
        assert_eq!(judged.hit.random, 0.5);
        assert_eq!((judged.recall.found, judged.recall.ceiling, judged.recall.random), (0.5, 0.5, 0.25));
        assert_eq!((judged.precision.ceiling, judged.precision.random), (0.5, 0.25));
    }

    /// Every ordered pick of `k` of `m` entries, the first `h` of them linked, equally likely.
    fn by_enumeration(m: usize, h: usize, k: usize) -> Vec<Vec<bool>> {
        let mut picks: Vec<Vec<usize>> = vec![Vec::new()];
        for _ in 0..k.min(m) {
            let longer = picks.iter().flat_map(|pick| {
                let free = (0..m).filter(|entry| !pick.contains(entry));
                free.map(|entry| pick.iter().copied().chain([entry]).collect()).collect::<Vec<Vec<usize>>>()
            });
            picks = longer.collect();
        }
        picks.into_iter().map(|pick| pick.into_iter().map(|entry| entry < h).collect()).collect()
    }

    #[test]
    fn expectations_are_the_means_over_every_pick() {
        for m in 0..6 {
            for h in 0..=m {
                for k in 1..6 {
                    let expected = draw(h.max(1), m, h, k).judge(&[]);
                    let all = by_enumeration(m, h, k);
                    let judged: Vec<Judged> = all.iter().map(|pick| draw(h.max(1), m, h, k).judge(pick)).collect();
                    let mean = |of: &dyn Fn(&Judged) -> f64| judged.iter().map(of).sum::<f64>() / judged.len() as f64;
                    assert!(near(expected.hit.random, mean(&|j| j.hit.found)), "{m} {h} {k}");
                    assert!(near(expected.recall.random, mean(&|j| j.recall.found)), "{m} {h} {k}");
                    assert!(near(expected.precision.random, mean(&|j| j.precision.found)), "{m} {h} {k}");
                    let best = judged.iter().map(|j| j.precision.found).fold(0.0, f64::max);
                    assert!(near(expected.precision.ceiling, best), "{m} {h} {k}");
                }
            }
        }
    }
}
