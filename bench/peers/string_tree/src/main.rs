//! SMG's `StringTree` on the workloads of the trie's benchmark. It carries no payload.
//!
//! Reads one JSON object from standard input: {"pairs", "entries": [[text, …]], "asked": [text], "rounds"}; writes
//! {"insert_us", "match_us", "answers": [characters matched]}, the best of the rounds.

use kv_index::StringTree;
use serde_json::{json, Value};
use std::hint::black_box;
use std::io::Read;
use std::time::Instant;

fn main() {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).expect("standard input is text");
    let given: Value = serde_json::from_str(&input).expect("standard input is JSON");
    let entries = texts(&given["entries"]);
    let asked = texts(&given["asked"]);
    let rounds = given["rounds"].as_u64().unwrap_or(1);
    let pairs = given["pairs"].as_bool().unwrap_or(false);

    let mut tree = StringTree::new();
    let insert = best(rounds, || {
        tree = StringTree::new();
        for text in &entries {
            if pairs {
                black_box(tree.match_prefix_with_counts(text));
            }
            tree.insert_text(text, "worker");
        }
    });
    let matched = best(rounds, || {
        for text in &asked {
            black_box(tree.match_prefix_with_counts(text));
        }
    });
    let answers: Vec<usize> =
        asked.iter().map(|text| tree.match_prefix_with_counts(text).matched_char_count).collect();
    println!(
        "{}",
        json!({
            "insert_us": insert * 1e6 / entries.len() as f64,
            "match_us": matched * 1e6 / asked.len() as f64,
            "answers": answers,
        })
    );
}

fn texts(value: &Value) -> Vec<String> {
    let text = |item: &Value| item.as_str().or(item[0].as_str()).expect("a text").to_owned();
    value.as_array().expect("a list").iter().map(text).collect()
}

fn best(rounds: u64, mut run: impl FnMut()) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..rounds {
        let start = Instant::now();
        run();
        least = least.min(start.elapsed().as_secs_f64());
    }
    least
}
