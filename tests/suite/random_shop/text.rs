//! `twinset.toml` of a shop, in the words of the documentation. Refuses nothing: what is random is checked where it is made.

use std::fmt::Write as _;

use crate::oracle::shop::{
    Bounds, Candidates, Condition, Group, OracleRule, OracleShop, Placement, Served, Similarity, Source, Where,
};

/// The configuration for a catalog `products.jsonl` beside it, vectors in the column `embedding`, tables in `out`.
#[must_use]
pub fn to_toml(shop: &OracleShop) -> String {
    let mut text = String::from(
        "[catalog]\npath = \"products.jsonl\"\n\n[embedding]\nkind = \"column\"\ncolumn = \"embedding\"\n\n\
         [similarity]\ndevice = \"cpu\"\n\n[output]\npath = \"out\"\n",
    );
    if !shop.complements.is_empty() {
        text.push_str("\n[complements]\n");
    }
    for (key, values) in &shop.complements {
        let all_one = values.iter().all(|(_, weight)| weight.to_bits() == 1.0_f64.to_bits());
        let globs: Vec<&str> = values.iter().map(|(glob, _)| glob.as_str()).collect();
        let weighted: Vec<String> = values.iter().map(|(glob, weight)| format!("{glob:?} = {weight:?}")).collect();
        let value = if all_one { format!("{globs:?}") } else { format!("{{ {} }}", weighted.join(", ")) };
        line(&mut text, &format!("{key:?}"), &value);
    }
    if let Some(orders) = &shop.orders {
        text.push_str("\n[orders]\npath = \"orders.csv\"\n");
        if let Some(days) = orders.look_back {
            line(&mut text, "look_back", &days.to_string());
        }
        line(&mut text, "min_orders", &orders.fewest.to_string());
        line(&mut text, "max_lines", &orders.max_lines.to_string());
        line(&mut text, "shrinkage", &format!("{:?}", orders.shrinkage));
        line(&mut text, "strongest", &orders.strongest.to_string());
    }
    if !shop.merchandising.is_empty() {
        text.push_str("\n[merchandising]\npath = \"merchandising.csv\"\n");
    }
    if let Some((least, limit)) = shop.duplicates {
        text.push_str("\n[duplicates]\nenabled = true\n");
        line(&mut text, "min_similarity", &format!("{:?}", f64::from(least)));
        line(&mut text, "limit", &limit.to_string());
    }
    shop.rules.iter().for_each(|rule| write_rule(&mut text, rule));
    shop.placements.iter().for_each(|placement| write_placement(&mut text, placement));
    text
}

fn write_rule(text: &mut String, rule: &OracleRule) {
    text.push_str("\n[[rule]]\n");
    line(text, "name", &format!("{:?}", rule.name));
    line(text, "relation", &format!("{:?}", rule.relation));
    write_served(text, &rule.products);
    let candidates = match &rule.candidates {
        Candidates::SameCategory => "\"same_category\"".to_owned(),
        Candidates::SameDepartment => "\"same_department\"".to_owned(),
        Candidates::Complement => "\"complement\"".to_owned(),
        Candidates::OtherCategory => "\"other_category\"".to_owned(),
        Candidates::Any => "\"any\"".to_owned(),
        Candidates::Globs(globs) => format!("{globs:?}"),
    };
    line(text, "candidates", &candidates);
    for (key, bounds) in [("price_ratio", &rule.price_ratio), ("price", &rule.price)] {
        if *bounds != Bounds::default() {
            line(text, key, &bounds_text(bounds));
        }
    }
    for (key, names) in [("must_match", &rule.must_match), ("must_differ", &rule.must_differ)] {
        if !names.is_empty() {
            line(text, key, &format!("{names:?}"));
        }
    }
    if !rule.conditions.is_empty() {
        line(text, "where", &where_text(&rule.conditions));
    }
    match rule.group {
        Group::Other => {}
        Group::Same => line(text, "group", "\"same\""),
        Group::Any => line(text, "group", "\"any\""),
    }
    if rule.any_currency {
        line(text, "currency", "\"any\"");
    }
    if rule.similarity == Similarity::Ignore {
        line(text, "similarity", "\"ignore\"");
    }
    if let Some(least) = rule.min_similarity {
        line(text, "min_similarity", &format!("{least:?}"));
    }
    line(text, "limit", &rule.limit.to_string());
    if let Some(fallback) = &rule.fallback {
        line(text, "fallback", &format!("{fallback:?}"));
    }
    if let Some(least) = rule.min_results {
        line(text, "min_results", &least.to_string());
    }
    if let Some(priority) = rule.priority {
        line(text, "priority", &priority.to_string());
    }
    write_rank(text, rule);
    if let Some(diversity) = &rule.diversity {
        let caps: Vec<String> = diversity.max_per.iter().map(|(name, most)| format!("{name} = {most}")).collect();
        text.push_str("[rule.diversity]\n");
        line(text, "max_per", &format!("{{ {} }}", caps.join(", ")));
        if diversity.hard {
            line(text, "hard", "true");
        }
    }
}

fn write_rank(text: &mut String, rule: &OracleRule) {
    let Some(rank) = &rule.rank else { return };
    text.push_str("[rule.rank]\n");
    if let Some(pool) = rule.pool {
        line(text, "pool", &pool.to_string());
    }
    if rule.similarity == Similarity::Visual {
        line(text, "similarity", &format!("{:?}", rank.similarity));
    }
    if let Some(fit) = &rank.price_fit {
        let fit = format!("{{ weight = {:?}, best_ratio = {:?} }}", fit.weight, fit.best_ratio);
        line(text, "price_fit", &fit);
    }
    for (key, weight) in [("margin", rank.margin), ("complement", rank.complement)] {
        if let Some(weight) = weight {
            line(text, key, &format!("{weight:?}"));
        }
    }
}

fn write_placement(text: &mut String, placement: &Placement) {
    text.push_str("\n[[placement]]\n");
    line(text, "name", &format!("{:?}", placement.name));
    if let Some(slots) = placement.slots {
        line(text, "slots", &slots.to_string());
    }
    write_served(text, &placement.products);
    let parts = placement.blend.iter().map(|part| {
        let source = match &part.source {
            Source::Relation(relation) => format!("relation = {relation:?}"),
            Source::Rule(name) => format!("rule = {name:?}"),
        };
        let slots = part.slots.map_or_else(String::new, |slots| format!(", slots = {slots}"));
        format!("{{ {source}{slots} }}")
    });
    line(text, "blend", &format!("[{}]", parts.collect::<Vec<_>>().join(", ")));
}

fn write_served(text: &mut String, served: &Served) {
    let mut fields = Vec::new();
    if let Some(globs) = &served.category {
        fields.push(format!("category = {globs:?}"));
    }
    if !served.conditions.is_empty() {
        fields.push(format!("where = {}", where_text(&served.conditions)));
    }
    if !fields.is_empty() {
        line(text, "products", &format!("{{ {} }}", fields.join(", ")));
    }
}

fn where_text(conditions: &Where) -> String {
    let one = |(name, condition): &(String, Condition)| match condition {
        Condition::OneOf(values) => format!("{name} = {values:?}"),
        Condition::NoneOf(values) => format!("{name} = {{ not = {values:?} }}"),
        Condition::Within(bounds) => format!("{name} = {}", bounds_text(bounds)),
    };
    format!("{{ {} }}", conditions.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn bounds_text(bounds: &Bounds) -> String {
    let named = [("above", bounds.above), ("from", bounds.from), ("up_to", bounds.up_to), ("below", bounds.below)];
    let given = named.iter().filter_map(|(name, bound)| bound.map(|bound| format!("{name} = {bound}")));
    format!("{{ {} }}", given.collect::<Vec<_>>().join(", "))
}

fn line(text: &mut String, key: &str, value: &str) {
    writeln!(text, "{key} = {value}").expect("a string takes any text");
}
