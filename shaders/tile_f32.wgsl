// Scores tiles of 128 × 128 rows in f32 and keeps the pairs that may matter to a list.
//
// One workgroup takes one pair of tiles, one invocation 8 × 8 of its products. The products never leave the registers: what
// the thresholds, ranges, bands, codes and groups of a list let through goes into the slots of its anchor row. Both tiles are
// anchors where the work item says so, so that a product serves both directions. Owner: src/similarity/gpu/kernels.rs.

struct Params {
    steps: u32,           // steps of 8 components
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
@group(0) @binding(1) var<storage, read> anchor_panels: array<vec4<f32>>;    // [tile][component][row / 4]
@group(0) @binding(2) var<storage, read> candidate_panels: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> facts: array<u32>;                  // [local row][word]
@group(0) @binding(4) var<storage, read> cuts: array<vec4<f32>>;             // [rule][local row / 4], the lowest product
@group(0) @binding(5) var<storage, read> scopes: array<vec2<u32>>;           // per scope its ranges' [from, to), then the ranges
@group(0) @binding(6) var<storage, read> work: array<vec4<u32>>;             // tile, tile, rules of the first's lists, of the second's
@group(0) @binding(7) var<storage, read_write> survivors: array<vec2<u32>>;  // [local row][slot]: candidate, bits of the product
@group(0) @binding(8) var<storage, read_write> counts: array<atomic<u32>>;   // [local row], items done; or keys [local row][rule][bucket]

// Two panels of 8 components × 128 rows. Literal outer indices keep the checks of safe creation out of the loop.
var<workgroup> anchors: array<array<vec4<f32>, 32>, 8>;
var<workgroup> candidates: array<array<vec4<f32>, 32>, 8>;

// The 8 × 8 products of an invocation: rows 4 y to 4 y + 3 and 64 more, columns alike.
struct Products {
    a0: vec4<f32>, a1: vec4<f32>, a2: vec4<f32>, a3: vec4<f32>, a4: vec4<f32>, a5: vec4<f32>, a6: vec4<f32>, a7: vec4<f32>,
    b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>, b4: vec4<f32>, b5: vec4<f32>, b6: vec4<f32>, b7: vec4<f32>,
}

fn multiply(k: u32, x: u32, y: u32, p: ptr<function, Products>) {
    let r = anchors[k][y];
    let s = anchors[k][y + 16u];
    let a = candidates[k][x];
    let b = candidates[k][x + 16u];
    (*p).a0 = fma(vec4(r.x), a, (*p).a0); (*p).b0 = fma(vec4(r.x), b, (*p).b0);
    (*p).a1 = fma(vec4(r.y), a, (*p).a1); (*p).b1 = fma(vec4(r.y), b, (*p).b1);
    (*p).a2 = fma(vec4(r.z), a, (*p).a2); (*p).b2 = fma(vec4(r.z), b, (*p).b2);
    (*p).a3 = fma(vec4(r.w), a, (*p).a3); (*p).b3 = fma(vec4(r.w), b, (*p).b3);
    (*p).a4 = fma(vec4(s.x), a, (*p).a4); (*p).b4 = fma(vec4(s.x), b, (*p).b4);
    (*p).a5 = fma(vec4(s.y), a, (*p).a5); (*p).b5 = fma(vec4(s.y), b, (*p).b5);
    (*p).a6 = fma(vec4(s.z), a, (*p).a6); (*p).b6 = fma(vec4(s.z), b, (*p).b6);
    (*p).a7 = fma(vec4(s.w), a, (*p).a7); (*p).b7 = fma(vec4(s.w), b, (*p).b7);
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
    let columns_low = least(lowest(item.w, second));
    let columns_high = least(lowest(item.w, second + 16u));
    let rows_low = lowest(item.z, first);
    var hits = marks(min(rows_low, vec4(columns_low)), p.a0, p.a1, p.a2, p.a3);
    hits |= marks(min(rows_low, vec4(columns_high)), p.b0, p.b1, p.b2, p.b3) << 8u;
    let rows_high = lowest(item.z, first + 16u);
    hits |= marks(min(rows_high, vec4(columns_low)), p.a4, p.a5, p.a6, p.a7) << 4u;
    hits |= marks(min(rows_high, vec4(columns_high)), p.b4, p.b5, p.b6, p.b7) << 12u;
    for (; hits != 0u; hits &= hits - 1u) {
        let i = firstTrailingBit(hits);
        var product: vec4<f32>;
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
        sift(item, row, column, product);
    }
    report(lane);
}

// How far a value can be above the score, up to the constant.
fn spread(anchor: u32, candidate: u32) -> f32 {
    return 0.0;
}

// A bit for each of four neighboring rows of which a product reaches its limit.
fn marks(low: vec4<f32>, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) -> u32 {
    return select(0u, 1u, any(a >= vec4(low.x))) | select(0u, 2u, any(b >= vec4(low.y)))
        | select(0u, 4u, any(c >= vec4(low.z))) | select(0u, 8u, any(d >= vec4(low.w)));
}

// --- What follows is the same in every tile kernel (a test compares it). ---

// The lowest value that may matter to a list of some rules, for each of four neighboring local rows.
fn lowest(rules: u32, rows: u32) -> vec4<f32> {
    var low = vec4(NOTHING);
    for (var open = rules; open != 0u; open &= open - 1u) {
        low = min(low, cuts[firstTrailingBit(open) * params.rows / 4u + rows]);
    }
    return low;
}

fn least(values: vec4<f32>) -> f32 {
    return min(min(values.x, values.y), min(values.z, values.w));
}

// Counts the item as done, after the survivors that it counted: the host must see as many as it sent.
fn report(lane: u32) {
    if lane == 0u && params.buckets == 0u {
        atomicAdd(&counts[params.rows], 1u);
    }
}

// Keeps what may matter of a run: one row's values with four neighboring columns, in both directions. A value is an upper
// bound of the pair's score, up to a constant that the cuts hold.
fn sift(item: vec4<u32>, row: u32, column: u32, values: vec4<f32>) {
    let second = params.first_fact + column;
    var done = 0u;
    for (var open = item.z | item.w; open != 0u; open &= open - 1u) {
        let rule = firstTrailingBit(open);
        let cuts_of_rule = rule * params.rows / 4u;
        let there = values >= vec4(cuts[cuts_of_rule + row / 4u][row % 4u]);
        let back = values >= cuts[cuts_of_rule + second / 4u];
        // One bit a pair: the row's lists in the first four, the columns' lists in the others.
        var hits = dot(select(vec4(0u), vec4(1u, 2u, 4u, 8u), there), vec4((item.z >> rule) & 1u))
            + dot(select(vec4(0u), vec4(16u, 32u, 64u, 128u), back), vec4((item.w >> rule) & 1u));
        for (hits &= ~done; hits != 0u; hits &= hits - 1u) {
            let hit = firstTrailingBit(hits);
            let c = hit & 3u;
            let pair = select(vec2(second + c, row), vec2(row, second + c), hit < 4u);
            let number = select(params.first_row.x + row, params.first_row.y + column + c, hit < 4u);
            if admits(rule, pair.x, pair.y, number) && keep(rule, pair.x, pair.y, number, values[c]) {
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
fn keep(rule: u32, anchor: u32, candidate: u32, number: u32, value: f32) -> bool {
    if params.buckets > 0u {
        // Groups differ where buckets do, so each bucket stands for another entry of the list.
        let bucket = facts[candidate * params.stride + GROUP] % params.buckets;
        let bits = bitcast<u32>(value - spread(anchor, candidate));
        let key = select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
        atomicMax(&counts[(anchor * params.rules + rule) * params.buckets + bucket], key);
        return false;
    }
    let slot = atomicAdd(&counts[anchor], 1u);
    if slot < params.slots {
        survivors[anchor * params.slots + slot] = vec2(number, bitcast<u32>(value));
    }
    return true;
}
