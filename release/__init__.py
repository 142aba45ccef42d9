"""Makes the files of a release from what `sam build` and the wheel's build leave."""
