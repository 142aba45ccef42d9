# Deploys a release of balance-watch: terraform apply -var alert_email=ops@example.com

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "release" {
  description = "Path of the release's files, without .yaml and .zip."
  type        = string
  default     = "dist/balance-watch-0.2.0"
}

variable "alert_email" {
  description = "Address that gets every alert by e-mail, once it has confirmed."
  type        = string
  default     = ""
}

resource "aws_s3_bucket" "code" {
  bucket_prefix = "balance-watch-"
}

resource "aws_s3_object" "code" {
  bucket = aws_s3_bucket.code.id
  key    = "${filesha256("${var.release}.zip")}.zip"
  source = "${var.release}.zip"

  # The code before stays until the stack has the new one, in case that the stack rolls back.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudformation_stack" "balance_watch" {
  name          = "balance-watch"
  template_body = file("${var.release}.yaml")
  capabilities  = ["CAPABILITY_IAM"]

  parameters = {
    CodeBucket = aws_s3_bucket.code.id
    CodeKey    = aws_s3_object.code.key
    AlertEmail = var.alert_email
  }
}

output "table_name" {
  description = "TABLE_NAME for the command line."
  value       = aws_cloudformation_stack.balance_watch.outputs["TableName"]
}

output "topic_arn" {
  description = "TOPIC_ARN for the command line; subscribe more receivers to it."
  value       = aws_cloudformation_stack.balance_watch.outputs["TopicArn"]
}

output "policy_parameter" {
  description = "POLICY_PARAMETER for the command line."
  value       = aws_cloudformation_stack.balance_watch.outputs["PolicyParameter"]
}
