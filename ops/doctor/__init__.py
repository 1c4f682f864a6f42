"""The doctor: looks at a broker and a database from outside and says whether data could be lost there."""
