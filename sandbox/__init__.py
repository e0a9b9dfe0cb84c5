"""A GitHub and a Cloudflare that fit on a laptop."""
