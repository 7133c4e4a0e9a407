"""Where the demand of products, categories and markets is going: classes, evidence, high sellers."""
