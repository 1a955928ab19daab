//! What a production has given out so far, and those who read it.
//!
//! Pieces stand in memory until they are too many, then in a scratch file with the newest of them in
//! memory as well, so that a reader who comes late still finds the beginning. It refuses to compute,
//! and to let the production run further ahead of its fastest reader than a window.

use super::hold::Meter;
use bytes::Bytes;
use deriva_model::ContentHash;
use deriva_system::{
    Fault,
    compute::{self, Next},
    scratch::ScratchFile,
};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// Pieces that a production may be ahead of its fastest reader: some 4 MiB.
pub(super) const AHEAD_MAX: u64 = 64;
/// It goes on when no more than so many are left, so that it is not woken for every piece.
const AHEAD_LOW: u64 = 32;

/// Wakes a production that was put aside.
pub(super) type Resume = Box<dyn Fn() + Send>;

pub(super) struct Tail {
    state: Mutex<State>,
    meter: Meter,
}

#[derive(Default)]
struct State {
    /// From piece `base` on.
    pieces: VecDeque<Bytes>,
    base: u64,
    /// Of the pieces in memory.
    bytes: u64,
    /// Holds every piece, from the first.
    file: Option<Arc<dyn ScratchFile>>,
    /// Only the newest pieces stay in memory.
    is_trimmed: bool,
    end: Option<Result<(ContentHash, u64), Fault>>,
    readers: HashMap<u64, Place>,
    next_reader: u64,
    /// The production was put aside.
    parked: bool,
}

#[derive(Default)]
struct Place {
    /// Pieces taken.
    taken: u64,
    waker: Option<Waker>,
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.meter.give_back(self.state.get_mut().bytes);
    }
}

impl Tail {
    pub(super) fn new(meter: Meter) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            meter,
        })
    }

    /// A reader that begins at the beginning. `resume` wakes the production when it was put aside.
    ///
    /// # Errors
    /// `Overloaded`: the beginning is gone, because no file could hold it.
    pub(super) fn reader(self: &Arc<Self>, resume: Resume) -> Result<Reader, Fault> {
        let mut state = self.state.lock();
        if state.base > 0 && state.file.is_none() {
            return Err(lost());
        }
        let id = state.next_reader;
        state.next_reader += 1;
        state.readers.insert(id, Place::default());
        drop(state);
        Ok(Reader {
            tail: self.clone(),
            resume,
            id,
            at: 0,
        })
    }

    /// Bytes in memory.
    pub(super) fn in_memory(&self) -> u64 {
        self.state.lock().bytes
    }

    /// Everything given out so far, as long as all of it is in memory.
    pub(super) fn whole(&self) -> Option<Vec<Bytes>> {
        let state = self.state.lock();
        (state.base == 0).then(|| state.pieces.iter().cloned().collect())
    }

    /// The production's: one more piece, which the file holds already if there is one. No more than
    /// the newest `recent` stay in memory once that was said.
    pub(super) fn give(&self, piece: Bytes, recent: usize) {
        let size = piece.len() as u64;
        let mut state = self.state.lock();
        state.bytes += size;
        state.pieces.push_back(piece);
        self.meter.add(size);
        if state.is_trimmed {
            self.trim(&mut state, recent);
        }
        let woken = state.wakers();
        drop(state);
        wake(woken);
    }

    /// The production's: from now on all pieces lie in a file, those given out so far too.
    pub(super) fn moved(&self, file: Arc<dyn ScratchFile>, recent: usize) {
        let mut state = self.state.lock();
        state.file = Some(file);
        state.is_trimmed = true;
        self.trim(&mut state, recent);
    }

    /// The production's: there is no file, or no room in it, so only the newest pieces stand.
    pub(super) fn unsaved(&self, recent: usize) {
        let mut state = self.state.lock();
        state.file = None;
        state.is_trimmed = true;
        self.trim(&mut state, recent);
    }

    fn trim(&self, state: &mut State, left: usize) {
        while state.pieces.len() > left {
            let Some(oldest) = state.pieces.pop_front() else {
                break;
            };
            let size = oldest.len() as u64;
            state.base += 1;
            state.bytes -= size;
            self.meter.give_back(size);
        }
    }

    /// The one who pulls a live value: the oldest piece, which leaves memory.
    pub(super) fn take_first(&self) -> Option<Bytes> {
        let mut state = self.state.lock();
        let first = state.pieces.front().cloned()?;
        let left = state.pieces.len() - 1;
        self.trim(&mut state, left);
        Some(first)
    }

    /// The production's last word. Only the first counts.
    pub(super) fn end(&self, end: Result<(ContentHash, u64), Fault>) {
        let mut state = self.state.lock();
        state.end.get_or_insert(end);
        let woken = state.wakers();
        drop(state);
        wake(woken);
    }

    /// The production's: whether it is far enough ahead of its readers to be put aside. It is then
    /// taken as put aside, so whoever asks must do it before a reader can say otherwise.
    pub(super) fn park(&self) -> bool {
        let mut state = self.state.lock();
        state.parked = state.ahead().is_some_and(|ahead| ahead >= AHEAD_MAX);
        state.parked
    }

    /// The production goes on, whatever its readers do.
    pub(super) fn unpark(&self) {
        self.state.lock().parked = false;
    }
}

impl State {
    fn given(&self) -> u64 {
        self.base + self.pieces.len() as u64
    }

    /// Pieces between the fastest reader and the newest; `None` if nobody reads.
    fn ahead(&self) -> Option<u64> {
        let fastest = self.readers.values().map(|place| place.taken).max()?;
        Some(self.given().saturating_sub(fastest))
    }

    fn wakers(&mut self) -> Vec<Waker> {
        let places = self.readers.values_mut();
        places.filter_map(|place| place.waker.take()).collect()
    }

    fn goes_on(&mut self) -> bool {
        let on = self.parked && self.ahead().is_some_and(|ahead| ahead <= AHEAD_LOW);
        if on {
            self.parked = false;
        }
        on
    }
}

/// Not under the lock: a waker may be anybody's code.
fn wake(wakers: Vec<Waker>) {
    for waker in wakers {
        waker.wake();
    }
}

fn lost() -> Fault {
    Fault::Overloaded {
        what: "room in scratch files for a reader that is behind".to_owned(),
        retry_after_ms: 1000,
    }
}

/// One who reads from the beginning. Dropped, it leaves.
pub(super) struct Reader {
    tail: Arc<Tail>,
    resume: Resume,
    id: u64,
    at: u64,
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.tail.state.lock();
        state.readers.remove(&self.id);
        let resume = state.goes_on();
        drop(state);
        if resume {
            (self.resume)();
        }
    }
}

impl compute::Tail for Reader {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Next, Fault>> {
        let mut state = self.tail.state.lock();
        let at = self.at;
        let next = match at.checked_sub(state.base) {
            None => match state.file.clone() {
                Some(file) => Next::Away { file, number: at },
                None => return Poll::Ready(Err(lost())),
            },
            Some(within) => {
                let within = usize::try_from(within).unwrap_or(usize::MAX);
                match state.pieces.get(within).cloned() {
                    Some(piece) => Next::Piece(piece),
                    None => return state.after_the_newest(self.id, context),
                }
            }
        };
        self.at += 1;
        if let Some(place) = state.readers.get_mut(&self.id) {
            place.taken = self.at;
        }
        let resume = state.goes_on();
        drop(state);
        if resume {
            (self.resume)();
        }
        Poll::Ready(Ok(next))
    }

    fn is_awaited(&self) -> bool {
        self.tail.state.lock().parked
    }
}

impl State {
    fn after_the_newest(
        &mut self,
        reader: u64,
        context: &Context<'_>,
    ) -> Poll<Result<Next, Fault>> {
        match &self.end {
            Some(Ok((content, size))) => Poll::Ready(Ok(Next::End {
                content: *content,
                size: *size,
            })),
            Some(Err(fault)) => Poll::Ready(Err(fault.clone())),
            None => {
                if let Some(place) = self.readers.get_mut(&reader) {
                    place.waker = Some(context.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}

/// A value that lies whole in a scratch file.
pub(super) struct FileTail {
    file: Arc<dyn ScratchFile>,
    content: ContentHash,
    pieces: u64,
    at: u64,
}

impl FileTail {
    pub(super) fn new(file: Arc<dyn ScratchFile>, content: ContentHash) -> Self {
        Self {
            pieces: file.pieces(),
            file,
            content,
            at: 0,
        }
    }
}

impl compute::Tail for FileTail {
    fn poll_next(&mut self, _context: &mut Context<'_>) -> Poll<Result<Next, Fault>> {
        if self.at == self.pieces {
            return Poll::Ready(Ok(Next::End {
                content: self.content,
                size: self.file.size(),
            }));
        }
        let number = self.at;
        self.at += 1;
        let file = self.file.clone();
        Poll::Ready(Ok(Next::Away { file, number }))
    }

    fn is_awaited(&self) -> bool {
        false
    }
}

#[cfg(test)]
#[path = "tail_test.rs"]
mod tail_test;
