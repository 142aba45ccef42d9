"""What is remembered between two runs, in one DynamoDB table."""
