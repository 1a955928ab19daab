//! What must hold at every moment, by id. Documents, assertions and the simulation name these ids;
//! an id is never given to another statement.

/// One invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Invariant {
    /// Its id, for instance `INV-ADDR-1`.
    pub id: &'static str,
    /// What holds, in one sentence.
    pub statement: &'static str,
}

macro_rules! invariants {
    ($($name:ident $id:literal $statement:literal)+) => {
        $(
            #[doc = $statement]
            pub const $name: Invariant = Invariant { id: $id, statement: $statement };
        )+

        /// Every invariant, in order of subject.
        pub const ALL: &[Invariant] = &[$($name),+];
    };
}

invariants! {
    ADDR_1 "INV-ADDR-1" "A leaf's address is the BLAKE3 hash of its bytes; a recipe's is that of its canonical bytes."
    ADDR_2 "INV-ADDR-2" "No leaf's bytes decode as a recipe, in canonical or in old form."
    ADDR_3 "INV-ADDR-3" "Get resolves leaf markers, recipes and aliases, never a bare content hash."
    DCF_1 "INV-DCF-1" "A decoder accepts exactly the bytes that the encoder makes from what it decoded."
    DCF_2 "INV-DCF-2" "A version, a type and a field tag once given out keep their meaning for ever."
    DCF_3 "INV-DCF-3" "Nothing is allocated for a length from outside before its limit and its bytes were checked."
    EVAL_1 "INV-EVAL-1" "Equal recipe and equal inputs give equal output, at any parallelism and on any machine."
    EVAL_2 "INV-EVAL-2" "A failed or cut-off execution is never recorded as a result."
    EVAL_3 "INV-EVAL-3" "A function is called once all input slots are full, with the inputs in recipe order."
    EVAL_4 "INV-EVAL-4" "A record's inputs are what was consumed, in recipe order, each with its content hash."
    CUTOFF_1 "INV-CUTOFF-1" "A cutoff entry answers only where function, version, params and ordered content hashes are equal, and dies with its last record."
    CHUNK_1 "INV-CHUNK-1" "The chunk hashes of a manifest merge to its content hash."
    CHUNK_2 "INV-CHUNK-2" "A chunk dies only when no marker holds it, decided in the step that adds markers."
    LEAF_1 "INV-LEAF-1" "A leaf exists if and only if its marker does, and its chunks were synced before its marker."
    GRAPH_1 "INV-GRAPH-1" "Recipes and aliases together have no cycle."
    LIVE_1 "INV-LIVE-1" "Whatever a root, a pin, a ref or a request in flight reaches is never removed."
    LIVE_2 "INV-LIVE-2" "A collection in epoch E removes nothing touched in E-1 or later."
    LIVE_3 "INV-LIVE-3" "Touches and tombstones merge by maximum, and a tombstone beats no later touch."
    DUR_1 "INV-DUR-1" "What was acknowledged is on disk, synced, before the caller hears so."
    FLOW_1 "INV-FLOW-1" "Every queue, loop and buffer has a limit, and over it the caller gets a typed refusal."
}

#[cfg(test)]
mod tests {
    use super::ALL;
    use std::collections::HashSet;

    #[test]
    fn ids_are_given_once_and_statements_are_sentences() {
        let ids: HashSet<_> = ALL.iter().map(|invariant| invariant.id).collect();
        assert_eq!(ids.len(), ALL.len());
        assert!(ALL.iter().all(|invariant| invariant.id.starts_with("INV-")));
        assert!(
            ALL.iter()
                .all(|invariant| invariant.statement.ends_with('.'))
        );
    }
}
