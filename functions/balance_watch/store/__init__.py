"""All that is remembered between two runs, in one DynamoDB table."""
