//! What an address was found to name. Bare content hashes have no place here: they are not addresses.

use crate::address::CAddr;

/// What stands under an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataRef {
    /// Bytes that somebody put in, said by their marker.
    Leaf {
        /// How many bytes.
        size: u64,
    },
    /// A recipe.
    Recipe,
    /// The address of a recipe's old form.
    Alias {
        /// The same recipe's DCF address.
        to: CAddr,
    },
}
