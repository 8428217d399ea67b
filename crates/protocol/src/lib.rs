//! What crosses a MessagePort between a tab and the worker.
