//! Frame text → what Epode needs of it; the restricted XML of RFC 6120 §11, enforced.
