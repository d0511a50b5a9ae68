"""Archives of clips: whose they are, without names; de-identified, curated into shards, and read again for training."""
