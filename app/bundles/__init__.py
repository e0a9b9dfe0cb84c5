"""The bundle store: the adapters of the port `Bundles`.

`directory` keeps bytes in files, `bucket` in any S3-compatible bucket over obstore; `content` is what both
do alike: names are SHA-256 and nothing else, and what is read is checked against its name. `places` tells
which of the two it is. What a bundle is made of, and who may see it, is decided elsewhere.
"""
