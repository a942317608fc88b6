//! The demo shop's `twinset.toml`. It also marks the folder as one that twinset drew.
//!
//! A string in the source, not an included file: it must be the same bytes on a machine whose checkout rewrites line ends.

/// The whole file.
pub const SETTINGS: &str = r#"# The demo shop: what twinset reads, what goes together, and what it recommends.
# Paths start at this file. Run it again with: twinset run twinset.toml

[catalog]
path     = "products.csv"
images   = "."                    # the image column is relative to this folder, and may not leave it
currency = "USD"                  # for rows whose currency cell is empty

[embedding]
kind = "builtin"                  # the network inside twinset looks at the pictures

[output]
path = "out"

# What goes with what, for rules whose candidates are "complement". Keys are category globs:
# * stands for one segment, ** for any number.
[complements]
"Jewelry/Necklaces"      = ["Jewelry/Earrings", "Jewelry/Rings", "Jewelry/Bracelets"]
"Jewelry/Earrings"       = ["Jewelry/Necklaces", "Jewelry/Rings", "Jewelry/Bracelets"]
"Jewelry/Rings"          = ["Jewelry/Earrings", "Jewelry/Necklaces", "Jewelry/Bracelets"]
"Jewelry/Bracelets"      = ["Jewelry/Necklaces", "Jewelry/Earrings", "Jewelry/Rings"]
"Women/Tops/*"           = ["Women/Bottoms/Skirts", "Women/Bottoms/Pants"]
"Women/Bottoms/*"        = ["Women/Tops/Tees", "Women/Tops/Shirts", "Women/Tops/Sweaters"]
"Men/Tops/*"             = ["Men/Bottoms/Pants", "Men/Bottoms/Shorts"]
"Men/Bottoms/*"          = ["Men/Tops/Tees", "Men/Tops/Shirts", "Men/Tops/Hoodies", "Men/Tops/Sweaters"]
"Home/Lamps"             = ["Home/Vases", "Home/Cushions", "Home/Posters"]
"Home/Vases"             = ["Home/Lamps", "Home/Cushions", "Home/Posters"]
"Home/Posters"           = ["Home/Lamps", "Home/Vases"]
"Home/Rugs"              = ["Home/Cushions", "Home/Lamps"]
"Home/Cushions"          = ["Home/Rugs", "Home/Lamps", "Home/Vases"]
"Electronics/Phones"     = ["Electronics/Cases", "Electronics/Headphones"]
"Electronics/Cases"      = ["Electronics/Headphones", "Electronics/Phones"]
"Electronics/Headphones" = ["Electronics/Phones", "Electronics/Cases"]

# Three rules that suit most shops.

[[rule]]
name       = "similar"            # looks like this one, at any price
relation   = "similar"
candidates = "same_department"
limit      = 10

[[rule]]
name        = "cross_sell"        # goes with this one, and costs hardly more
relation    = "cross_sell"
candidates  = "complement"
price_ratio = { up_to = 1.05 }
limit       = 10

[[rule]]
name        = "upsell"            # the same kind of thing, one step up
relation    = "upsell"
candidates  = "same_category"
price_ratio = { above = 1.0, up_to = 2.0 }
limit       = 10
rank        = { similarity = 1.0, price_fit = { weight = 0.3, best_ratio = 1.25 } }

# And four that this shop has thought of.

[[rule]]
name        = "matching_earrings"           # by their look: the same design in the same metal
relation    = "cross_sell"
products    = { category = ["Jewelry/Necklaces"] }
candidates  = ["Jewelry/Earrings"]
must_match  = ["material"]
limit       = 2
priority    = 10                            # on a page before the other cross-sell rules

[[rule]]
name        = "gold_instead_of_silver"      # the same look in the other metal, if it is the dearer one
relation    = "upsell"
products    = { category = ["Jewelry/**"] }
candidates  = "same_category"
price_ratio = { above = 1.0, up_to = 3.0 }
must_differ = ["material"]
limit       = 4

[[rule]]
name        = "warranty"                    # has no look, so only its price counts
relation    = "cross_sell"
products    = { category = ["Electronics/Phones"] }
candidates  = ["Electronics/Warranties"]
similarity  = "ignore"
price_ratio = { up_to = 0.25 }
limit       = 3
priority    = 10

[[rule]]
name        = "larger_size"                 # the same poster, larger: a variant of the product itself
relation    = "upsell"
products    = { category = ["Home/Posters"] }
candidates  = "same_category"
group       = "same"
price_ratio = { above = 1.0 }
limit       = 2
"#;
