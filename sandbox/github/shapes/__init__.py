"""How rows are written as GitHub's JSON objects: names and kinds are those of GitHub's description."""
