terraform {
  required_version = ">= 1.6.0"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.40"
    }
  }
}

# The subscription and the login are in the environment: ARM_SUBSCRIPTION_ID and az login.
provider "azurerm" {
  features {}
}
