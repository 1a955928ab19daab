//! The hands: marks in the commit order, and the cache that is asked to forget.

use super::VerifyArgs;
use deriva_messages::{Fault, Reply, cache::CacheMessage, verify::Violation};
use deriva_model::FunctionId;
use deriva_system::{
    storage::{
        Durability, Reading, Space, Storage, StorageFault,
        commit::Step,
        layout::{self, MarkEntry, MarkStage},
    },
    view::Marks,
};
use std::time::Duration;

/// How long the cache may take to forget: a walk over as many recipes as a store may hold.
const PATIENCE: Duration = Duration::from_secs(600);
/// Marks read at once.
const PAGE: usize = 256;

pub(super) fn answer<T>(reply: Reply<T>, result: Result<T, Fault>) {
    if reply.send(result).is_err() {
        metrics::counter!("actor_answers_unheard_total").increment(1);
    }
}

/// Brings the marks on disk into the view; for the assembly, before anything is served.
///
/// # Errors
/// The store could not be read, or a mark could not: to go on without it could serve what is wrong.
pub fn load(storage: &dyn Storage, marks: &Marks) -> Result<(), StorageFault> {
    let mut from = Vec::new();
    loop {
        let page = storage.scan(Space::Meta, layout::MARKED_PREFIX, &from, PAGE)?;
        for (key, value) in &page {
            let read = layout::parse_marked_key(key).zip(MarkEntry::parse(value));
            let (function, entry) = read.ok_or_else(|| StorageFault::Damaged {
                why: "a function's mark cannot be read".to_owned(),
            })?;
            tracing::warn!(%function, "the function is marked as not deterministic and refused");
            let violation = entry.violation(function);
            match entry.stage {
                MarkStage::Voided => marks.restore(violation),
                MarkStage::Voiding => marks.mark(violation),
            }
        }
        match page.last() {
            Some((last, _)) if page.len() == PAGE => from = [&last[..], &[0][..]].concat(),
            _ => return Ok(()),
        }
    }
}

/// Everything whose end is still missing.
pub(super) async fn resume(args: &VerifyArgs) -> Result<(), Fault> {
    for violation in args.marks.unfinished() {
        void(args, &violation).await?;
    }
    Ok(())
}

/// Marks a function on disk and has everything forgotten that was made through it.
pub(super) async fn void(args: &VerifyArgs, violation: &Violation) -> Result<(), Fault> {
    write(args, violation, MarkStage::Voiding).await?;
    let function = violation.function.clone();
    let void = |reply| CacheMessage::Void { function, reply };
    let evicted = args.cache.call(PATIENCE, void).await?;
    write(args, violation, MarkStage::Voided).await?;
    args.marks.voided(&violation.function);
    tracing::error!(
        %violation,
        values = evicted.values,
        "the function is refused, and what was made through it is voided"
    );
    Ok(())
}

async fn write(args: &VerifyArgs, violation: &Violation, stage: MarkStage) -> Result<(), Fault> {
    let violation = violation.clone();
    let step = move |step: &mut Step<'_>| {
        let entry = MarkEntry::of(&violation, stage, step.epoch());
        let key = layout::marked_key(&violation.function);
        step.put(Space::Meta, key, entry.encode());
        Ok(())
    };
    args.commit.commit(Durability::Synced, step).await
}

/// Takes a mark away, once its voiding is through.
pub(super) async fn clear(args: &VerifyArgs, function: FunctionId) -> Result<bool, Fault> {
    let unfinished = args.marks.unfinished();
    if unfinished.iter().any(|open| open.function == function) {
        let what = format!("the mark of {function}, whose voiding is under way,");
        return Err(Fault::Unavailable { what });
    }
    let key = layout::marked_key(&function);
    let step = move |step: &mut Step<'_>| {
        let stood = step.get(Space::Meta, &key)?.is_some();
        step.delete(Space::Meta, key);
        Ok(stood)
    };
    let stood = args.commit.commit(Durability::Synced, step).await?;
    args.marks.clear(&function);
    if stood {
        tracing::warn!(%function, "the mark is cleared; the function is executed again");
    }
    Ok(stood)
}
