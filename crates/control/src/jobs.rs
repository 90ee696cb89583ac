//! Background work of the control plane: compile, activate, sweep. Ids in, the world re-read,
//! the same effect however often it runs.
