//! Who changed what, written in the transaction that changes it.
