variable "project" {
  description = "Id of the project."
  type        = string
}

variable "region" {
  description = "Region of Cloud Run and Secret Manager's copies."
  type        = string
  default     = "us-central1"
}

variable "name" {
  description = "Name of the service."
  type        = string
  default     = "genkit-endpoints"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,47}[a-z0-9]$", var.name))
    error_message = "It must be 2 to 49 of a-z, 0-9 and -."
  }
}

variable "image" {
  description = "The image, with a tag or, better, a digest."
  type        = string

  validation {
    condition     = can(regex("(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$", var.image))
    error_message = "It must have a tag or a digest."
  }
}

variable "settings" {
  description = "Settings of the server that are no secrets, by the names of their variables."
  type        = map(string)
  default     = {}
}

variable "secrets" {
  description = "Settings that are secret: the variable's name, and the version of the secret. Values never come here: Terraform would keep them in its state."
  type        = map(string)
  default     = { GEMINI_API_KEY = "1" }
}

variable "public" {
  description = "Whether everyone may call, or only whom Google Cloud knows (IAM)."
  type        = bool
  default     = true
}

variable "min_instances" {
  description = "Instances that never stop; 0 lets the service sleep."
  type        = number
  default     = 0
}

variable "max_instances" {
  description = "The most instances at once."
  type        = number
  default     = 10
}
