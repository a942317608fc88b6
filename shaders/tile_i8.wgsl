// Scores tiles of 128 × 128 rows in packed int8 and keeps the pairs that may matter to a list.
//
// As tile_f32.wgsl, but for the products: a row is proposed with the dot product of its quantized vector, times both scales,
// plus both residuals, which is an upper bound of the true one (src/similarity/int8.rs). Owner: src/similarity/gpu/kernels.rs.

struct Params {
    steps: u32,           // steps of 32 components
    items: u32,           // work items of this dispatch
    first_row: vec2<u32>, // number of the first row of the anchors' and of the candidates' chunk
    first_fact: u32,      // where the candidates' chunk starts among the local rows; 0 when both chunks are one
    rows: u32,            // local rows: stride of `cuts`
    stride: u32,          // words of a row's facts
    slots: u32,           // survivors that a row can keep
    rules: u32,
    buckets: u32,         // 0, or buckets per list: seed them instead of keeping survivors
    rule: array<vec4<u32>, 32>, // group scope, code columns that must match, code columns that must differ, first fact
}

const NOTHING = 4.0; // beyond every value

// Words of a row's facts; the codes of its attributes follow, then per rule its scope and price band.
const GROUP = 0u;
const CLASS = 1u;      // rows of one class are bit-identical and settled elsewhere; 0: a class of its own
const PRICE_RANK = 2u;
const CODES = 3u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> anchor_panels: array<vec4<u32>>;    // [tile][4 components][row / 4]
@group(0) @binding(2) var<storage, read> candidate_panels: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> facts: array<u32>;                  // [local row][word]
@group(0) @binding(4) var<storage, read> cuts: array<vec4<f32>>;             // [rule][local row / 4], the lowest value; then scales, residuals
@group(0) @binding(5) var<storage, read> scopes: array<vec2<u32>>;           // per scope its ranges' [from, to), then the ranges
@group(0) @binding(6) var<storage, read> work: array<vec4<u32>>;             // tile, tile, rules of the first's lists, of the second's
@group(0) @binding(7) var<storage, read_write> survivors: array<vec2<u32>>;  // [local row][slot]: candidate, bits of the product
@group(0) @binding(8) var<storage, read_write> counts: array<atomic<u32>>;   // [local row], or keys [local row][rule][bucket]

// Two panels of 8 × 4 components × 128 rows. Literal outer indices keep the checks of safe creation out of the loop.
var<workgroup> anchors: array<array<vec4<u32>, 32>, 8>;
var<workgroup> candidates: array<array<vec4<u32>, 32>, 8>;

// The 8 × 8 products of an invocation: rows 4 y to 4 y + 3 and 64 more, columns alike.
struct Products {
    a0: vec4<i32>, a1: vec4<i32>, a2: vec4<i32>, a3: vec4<i32>, a4: vec4<i32>, a5: vec4<i32>, a6: vec4<i32>, a7: vec4<i32>,
    b0: vec4<i32>, b1: vec4<i32>, b2: vec4<i32>, b3: vec4<i32>, b4: vec4<i32>, b5: vec4<i32>, b6: vec4<i32>, b7: vec4<i32>,
}

fn dots(row: u32, columns: vec4<u32>) -> vec4<i32> {
    return vec4(
        dot4I8Packed(row, columns.x), dot4I8Packed(row, columns.y), dot4I8Packed(row, columns.z), dot4I8Packed(row, columns.w));
}

fn multiply(k: u32, x: u32, y: u32, p: ptr<function, Products>) {
    let r = anchors[k][y];
    let s = anchors[k][y + 16u];
    let a = candidates[k][x];
    let b = candidates[k][x + 16u];
    (*p).a0 += dots(r.x, a); (*p).b0 += dots(r.x, b);
    (*p).a1 += dots(r.y, a); (*p).b1 += dots(r.y, b);
    (*p).a2 += dots(r.z, a); (*p).b2 += dots(r.z, b);
    (*p).a3 += dots(r.w, a); (*p).b3 += dots(r.w, b);
    (*p).a4 += dots(s.x, a); (*p).b4 += dots(s.x, b);
    (*p).a5 += dots(s.y, a); (*p).b5 += dots(s.y, b);
    (*p).a6 += dots(s.z, a); (*p).b6 += dots(s.z, b);
    (*p).a7 += dots(s.w, a); (*p).b7 += dots(s.w, b);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let number = group.x + group.y * groups.x;
    if number >= params.items {
        return;
    }
    let item = work[number];
    let x = lane % 16u;
    let y = lane / 16u;
    var p: Products;
    var from_anchors = item.x * params.steps * 256u + lane;
    var from_candidates = item.y * params.steps * 256u + lane;
    for (var step = 0u; step < params.steps; step++) {
        anchors[lane / 32u][lane % 32u] = anchor_panels[from_anchors];
        candidates[lane / 32u][lane % 32u] = candidate_panels[from_candidates];
        from_anchors += 256u;
        from_candidates += 256u;
        workgroupBarrier();
        multiply(0u, x, y, &p);
        multiply(1u, x, y, &p);
        multiply(2u, x, y, &p);
        multiply(3u, x, y, &p);
        multiply(4u, x, y, &p);
        multiply(5u, x, y, &p);
        multiply(6u, x, y, &p);
        multiply(7u, x, y, &p);
        workgroupBarrier();
    }
    // Most runs of four products matter to nobody: what the lowest cuts of their rows and columns rule out ends here.
    let first = item.x * 32u + y;
    let second = (params.first_fact + item.y * 128u) / 4u + x;
    var hits = marks(item, first, second, p.a0, p.a1, p.a2, p.a3);
    hits |= marks(item, first + 16u, second, p.a4, p.a5, p.a6, p.a7) << 4u;
    hits |= marks(item, first, second + 16u, p.b0, p.b1, p.b2, p.b3) << 8u;
    hits |= marks(item, first + 16u, second + 16u, p.b4, p.b5, p.b6, p.b7) << 12u;
    for (; hits != 0u; hits &= hits - 1u) {
        let i = firstTrailingBit(hits);
        var product: vec4<i32>;
        switch i {
            case 0u: { product = p.a0; }
            case 1u: { product = p.a1; }
            case 2u: { product = p.a2; }
            case 3u: { product = p.a3; }
            case 4u: { product = p.a4; }
            case 5u: { product = p.a5; }
            case 6u: { product = p.a6; }
            case 7u: { product = p.a7; }
            case 8u: { product = p.b0; }
            case 9u: { product = p.b1; }
            case 10u: { product = p.b2; }
            case 11u: { product = p.b3; }
            case 12u: { product = p.b4; }
            case 13u: { product = p.b5; }
            case 14u: { product = p.b6; }
            default: { product = p.b7; }
        }
        let row = item.x * 128u + y * 4u + (i & 4u) * 16u + (i & 3u);
        let column = item.y * 128u + x * 4u + (i & 8u) * 8u;
        let scales = params.rules * params.rows / 4u;
        let residuals = scales + params.rows / 4u;
        let across = (params.first_fact + column) / 4u;
        let apart = vec4(cuts[residuals + row / 4u][row % 4u]) + cuts[residuals + across];
        let close = vec4<f32>(product) * (cuts[scales + row / 4u][row % 4u] * cuts[scales + across]);
        sift(item, row, column, close + apart, close - apart);
    }
}

// A bit for each of four neighboring rows of which a product with four columns may reach its limit. Instead of each pair's
// residuals it takes off the largest ones, and more than all that rounding can add: `sift` looks closer.
fn marks(item: vec4<u32>, rows: u32, columns: u32, a: vec4<i32>, b: vec4<i32>, c: vec4<i32>, d: vec4<i32>) -> u32 {
    let scales = params.rules * params.rows / 4u;
    let residuals = scales + params.rows / 4u;
    let apart = largest(cuts[residuals + rows]) + largest(cuts[residuals + columns]) + 0.000002;
    let low = (lowest(item, rows, columns) - apart) / cuts[scales + rows];
    let scale = cuts[scales + columns];
    return select(0u, 1u, any(vec4<f32>(a) * scale >= vec4(low.x))) | select(0u, 2u, any(vec4<f32>(b) * scale >= vec4(low.y)))
        | select(0u, 4u, any(vec4<f32>(c) * scale >= vec4(low.z))) | select(0u, 8u, any(vec4<f32>(d) * scale >= vec4(low.w)));
}

fn largest(values: vec4<f32>) -> f32 {
    return max(max(values.x, values.y), max(values.z, values.w));
}

// --- What follows is the same in every tile kernel (a test compares it). ---

// For each of four neighboring rows, the lowest value with one of four columns that may matter to a list of either.
fn lowest(item: vec4<u32>, rows: u32, columns: u32) -> vec4<f32> {
    var low = vec4(NOTHING);
    for (var open = item.z; open != 0u; open &= open - 1u) {
        low = min(low, cuts[firstTrailingBit(open) * params.rows / 4u + rows]);
    }
    for (var open = item.w; open != 0u; open &= open - 1u) {
        let across = cuts[firstTrailingBit(open) * params.rows / 4u + columns];
        low = min(low, vec4(min(min(across.x, across.y), min(across.z, across.w))));
    }
    return low;
}

// Keeps what may matter of a run: one row's products with four neighboring columns, in both directions. `upper` is what a
// pair is proposed with, `lower` what it is worth at least, both up to a constant that the cuts hold.
fn sift(item: vec4<u32>, row: u32, column: u32, upper: vec4<f32>, lower: vec4<f32>) {
    let second = params.first_fact + column;
    var done = 0u;
    for (var open = item.z | item.w; open != 0u; open &= open - 1u) {
        let rule = firstTrailingBit(open);
        let cuts_of_rule = rule * params.rows / 4u;
        let there = upper >= vec4(cuts[cuts_of_rule + row / 4u][row % 4u]);
        let back = upper >= cuts[cuts_of_rule + second / 4u];
        // One bit a pair: the row's lists in the first four, the columns' lists in the others.
        var hits = dot(select(vec4(0u), vec4(1u, 2u, 4u, 8u), there), vec4((item.z >> rule) & 1u))
            + dot(select(vec4(0u), vec4(16u, 32u, 64u, 128u), back), vec4((item.w >> rule) & 1u));
        for (hits &= ~done; hits != 0u; hits &= hits - 1u) {
            let hit = firstTrailingBit(hits);
            let c = hit & 3u;
            let pair = select(vec2(second + c, row), vec2(row, second + c), hit < 4u);
            let number = select(params.first_row.x + row, params.first_row.y + column + c, hit < 4u);
            if admits(rule, pair.x, pair.y, number) && keep(rule, pair.x, pair.y, number, upper[c], lower[c]) {
                done |= 1u << hit;
            }
        }
    }
}

// Whether a list of `anchor` may hold `candidate` (local rows), as far as integers tell; `number` is the candidate's row.
fn admits(rule: u32, anchor: u32, candidate: u32, number: u32) -> bool {
    let it = params.rule[rule];
    let a = anchor * params.stride;
    let c = candidate * params.stride;
    if anchor == candidate || (facts[a + CLASS] != 0u && facts[a + CLASS] == facts[c + CLASS]) {
        return false;
    }
    let cheapest = facts[a + it.w + 1u];
    let dearest = facts[a + it.w + 2u];
    let price = facts[c + PRICE_RANK];
    if dearest != 0xffffffffu && (price < cheapest || price >= dearest) {
        return false;
    }
    if (facts[a + GROUP] == facts[c + GROUP]) != (it.x == 1u) && it.x != 2u {
        return false;
    }
    for (var columns = it.y; columns != 0u; columns &= columns - 1u) {
        let at = CODES + firstTrailingBit(columns);
        if facts[a + at] == 0u || facts[a + at] != facts[c + at] {
            return false;
        }
    }
    for (var columns = it.z; columns != 0u; columns &= columns - 1u) {
        let at = CODES + firstTrailingBit(columns);
        if facts[a + at] == 0u || facts[c + at] == 0u || facts[a + at] == facts[c + at] {
            return false;
        }
    }
    // The first range that ends after the row.
    var search = scopes[facts[a + it.w]];
    let end = search.y;
    while search.x < search.y {
        let middle = (search.x + search.y) / 2u;
        if scopes[middle].y <= number {
            search.x = middle + 1u;
        } else {
            search.y = middle;
        }
    }
    return search.x < end && scopes[search.x].x <= number;
}

// Puts a pair into a slot of its anchor, or where there is none left only counts it; returns whether the pair is done with.
fn keep(rule: u32, anchor: u32, candidate: u32, number: u32, upper: f32, lower: f32) -> bool {
    if params.buckets > 0u {
        // Groups differ where buckets do, so each bucket stands for another entry of the list.
        let bucket = facts[candidate * params.stride + GROUP] % params.buckets;
        let bits = bitcast<u32>(lower);
        let key = select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
        atomicMax(&counts[(anchor * params.rules + rule) * params.buckets + bucket], key);
        return false;
    }
    let slot = atomicAdd(&counts[anchor], 1u);
    if slot < params.slots {
        survivors[anchor * params.slots + slot] = vec2(number, bitcast<u32>(upper));
    }
    return true;
}
