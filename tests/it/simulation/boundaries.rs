//! A few fixed stories, crashed at every commit, before and after it is durable.
